"""Bounds of the admin port for clients without the token: connections, and wrong tokens per address."""

import http.client
import json
import select
import socket

import pytest

from clock import patience
from processes import BINARIES, Process, free_port, wait_until
from tls_rig import Pairs

CONNECTIONS = 8
FLOODER, ELSEWHERE = "127.0.0.9", "127.0.0.2"


class Control:
    """Another control plane of the same gateway, with its own bounds."""

    def __init__(self, stack, name, **settings):
        self.stack, self.port = stack, free_port()
        self.process = Process(name, [BINARIES / "aihub-control", "serve"], stack.folder, {
            **stack.control_env, **{f"AIHUB_CONTROL_{name}": str(value) for name, value in {
                "PORT": self.port, "OPERATIONS_PORT": free_port(), **settings}.items()}}).start()
        # It first logs the address it will serve.
        wait_until(lambda: f"listening on 127.0.0.1:{self.port}" in self.process.log(), what="it serves")

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), patience(10), (source, 0))

    def ask(self, token, source="127.0.0.1", context=None):
        """The status, headers and error of a request with this token."""
        how = {"timeout": patience(10), "source_address": (source, 0)}
        connection = (http.client.HTTPSConnection("localhost", self.port, context=context, **how) if context
                      else http.client.HTTPConnection("127.0.0.1", self.port, **how))
        try:
            connection.request("GET", "/admin/v1/orgs", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, answer.headers, json.load(answer).get("error")
        finally:
            connection.close()

    def token(self):
        return (self.stack.secrets / "admin-token").read_text().strip()


def closed(connections):
    """Those of the connections that the server has closed."""
    poll = select.poll()
    known = {connection.fileno(): connection for connection in connections}
    for descriptor in known:
        poll.register(descriptor, select.POLLIN | select.POLLRDHUP)
    return {known[d] for d, what in poll.poll(0) if what & (select.POLLRDHUP | select.POLLHUP | select.POLLERR)}


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
def test_connections_are_counted_when_accepted_and_given_back(own_stack, tmp_path, encrypted):
    """Over TLS as well, where silent connections have not even begun a handshake."""
    pairs = Pairs(tmp_path / "pairs")
    certificate, key = pairs.make("localhost")
    tls = {"TLS_CERTIFICATE_FILE": certificate, "TLS_KEY_FILE": key} if encrypted else {}
    control = Control(own_stack, f"control-connections-{encrypted}", CONNECTIONS=CONNECTIONS, **tls)
    flood = []
    try:
        flood += [control.connect() for _ in range(CONNECTIONS)]
        flood += [control.connect() for _ in range(CONNECTIONS)]
        wait_until(lambda: len(closed(flood)) >= CONNECTIONS, what="what is over the bound is closed")
        assert len(closed(flood)) == CONNECTIONS, "and nothing else"
        with pytest.raises((ConnectionError, http.client.HTTPException, OSError)):
            control.ask(control.token(), context=pairs.trusting() if encrypted else None)
        for connection in set(flood) - closed(flood):
            connection.close()

        def answers():
            try:
                return control.ask(control.token(), context=pairs.trusting() if encrypted else None)[0] == 200
            except (OSError, http.client.HTTPException):
                return False
        wait_until(answers, what="their places are given back")
    finally:
        for connection in flood:
            connection.close()
        control.process.kill()


def test_an_address_that_sends_wrong_tokens_waits_and_no_other_does(own_stack):
    own_stack.run_control("admin-token", "--reset")
    control = Control(own_stack, "control-tokens", FAILED_TOKENS_PER_MINUTE=1)
    wrong = "aihub-admin-" + "0" * 48
    try:
        assert control.ask(wrong, FLOODER)[0] == 401
        status, headers, error = control.ask(wrong, FLOODER)
        assert (status, error["type"], error["code"]) == (429, "rate_limit_exceeded", 429)
        assert 1 <= int(headers["retry-after"]) <= 60, headers
        # Not even a correct token is looked up, unless it was the last one accepted.
        assert control.ask(control.token(), FLOODER)[0] == 429
        assert control.ask(control.token(), ELSEWHERE)[0] == 200
        assert control.ask(control.token(), FLOODER)[0] == 200
        assert control.ask(wrong, FLOODER)[0] == 429
        # Nor is a token that was correct until it was reset.
        old = control.token()
        own_stack.run_control("admin-token", "--reset")
        assert control.ask(old, FLOODER)[0] == 401
        assert control.ask(old, FLOODER)[0] == 429
        assert control.ask(control.token(), ELSEWHERE)[0] == 200
    finally:
        control.process.kill()
