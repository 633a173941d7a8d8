"""Nothing is served to a network in plain text: a reachable listener uses TLS or is declared behind a proxy."""

import http.client
import json
import os
import pathlib
import re
import ssl

import pytest

from processes import BINARIES, Process, free_port, wait_until
from stack import Worker
from tls_rig import Pairs

OUTSIDE = ["0.0.0.0", "::", "192.0.2.1", "gateway.example", "127.0.0.1.example", "localhost.example", "127.0.0", "128.0.0.1"]
LOOPBACK = ["127.0.0.1", "localhost", "::1", "127.8.9.10"]


def ended(stack, program, environment, host="127.0.0.1", plaintext=None, tls=False, **more):
    """Exit status and output of a program with an additional invalid setting, so that it never listens."""
    prefix = {"aihub-worker": "AIHUB_WORKER_", "aihub-control": "AIHUB_CONTROL_"}[program]
    changed = {"HOST": host, "PORT": "none", **({"PLAINTEXT": plaintext} if plaintext else {}),
               **({"TLS_CERTIFICATE_FILE": "x", "TLS_KEY_FILE": "y"} if tls else {}), **more}
    command = [BINARIES / program, *(["serve"] if program == "aihub-control" else [])]
    process = Process(f"{program}-plaintext", command, stack.folder,
                      {**environment, **{prefix + name: value for name, value in changed.items()}})
    process.log_path.unlink(missing_ok=True)
    return process.start().wait(), process.log()


@pytest.fixture(params=["aihub-worker", "aihub-control"])
def program(request, stack):
    environment = stack.control_env if request.param == "aihub-control" else stack.workers[0].process.env
    return lambda **how: ended(stack, request.param, environment, **how)


@pytest.mark.parametrize("host", OUTSIDE)
def test_a_listener_others_can_reach_is_not_started_in_clear(program, host):
    status, said = program(host=host)
    assert status == 64 and f"HOST={host} would accept keys in plain text" in said and "PORT=none" in said, said
    for how in ({"plaintext": "behind-proxy"}, {"tls": True}):
        status, said = program(host=host, **how)
        assert status == 64 and "in plain text" not in said and "PORT=none" in said, said


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_alone_may_be_served_in_clear(program, host):
    status, said = program(host=host)
    assert status == 64 and "in plain text" not in said, said


@pytest.mark.parametrize("host", OUTSIDE)
def test_an_operations_port_others_can_reach_is_not_started(program, host):
    refusal = f"OPERATIONS_HOST={host} would show metrics in plain text"
    # TLS and a proxy of the other listener do not protect this one.
    for how in ({}, {"plaintext": "behind-proxy"}, {"tls": True}):
        status, said = program(OPERATIONS_HOST=host, **how)
        assert status == 64 and refusal in said and "PORT=none" in said, said
    status, said = program(OPERATIONS_HOST=host, OPERATIONS_PLAINTEXT="behind-proxy")
    assert status == 64 and "plain text" not in said and "PORT=none" in said, said


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_alone_may_read_the_operations_port(program, host):
    status, said = program(OPERATIONS_HOST=host)
    assert status == 64 and "plain text" not in said and "PORT=none" in said, said


@pytest.mark.parametrize("word", ["yes", "on", "true", "Behind-Proxy", "behind_proxy"])
def test_only_the_word_itself_is_taken_for_a_proxy(program, word):
    status, said = program(host="0.0.0.0", plaintext=word)
    assert status == 64 and f"PLAINTEXT={word}: expected behind-proxy" in said and "in plain text" in said, said


@pytest.fixture
def encrypted(own_stack, tmp_path):
    """The admin API of another control plane of the same gateway, over TLS."""
    pairs = Pairs(tmp_path / "pairs")
    certificate, key = pairs.make("localhost")
    port, operations = free_port(), free_port()
    process = Process("control-tls", [BINARIES / "aihub-control", "serve"], own_stack.folder, {
        **own_stack.control_env, "AIHUB_CONTROL_PORT": str(port), "AIHUB_CONTROL_OPERATIONS_PORT": str(operations),
        "AIHUB_CONTROL_TLS_CERTIFICATE_FILE": str(certificate), "AIHUB_CONTROL_TLS_KEY_FILE": str(key)}).start()
    # It first logs the address it will serve.
    wait_until(lambda: f"listening on 127.0.0.1:{port}" in process.log(), what="it serves")
    yield pairs, port
    process.kill()


def asked(port, token, context):
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
    connection.request("GET", "/admin/v1/orgs", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.status, json.load(answer)


def test_the_admin_port_serves_tls_and_nothing_else(own_stack, encrypted):
    pairs, port = encrypted
    token = (own_stack.secrets / "admin-token").read_text().strip()
    wait_until(lambda: asked(port, token, pairs.trusting())[0] == 200, what="the admin API answers over TLS")
    assert asked(port, "wrong", pairs.trusting())[0] == 401
    plain = http.client.HTTPConnection("localhost", port, timeout=60)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        plain.request("GET", "/admin/v1/orgs", headers={"Authorization": f"Bearer {token}"})
        plain.getresponse()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        asked(port, token, pairs.trusting(ssl.TLSVersion.TLSv1_1))


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root")
def test_beside_tls_the_plain_port_is_for_this_machine(stack, tmp_path):
    """In its own network namespace, so that the port is unreachable from outside."""
    certificate, key = Pairs(tmp_path / "pairs").make("localhost")
    worker = Worker("plain-beside-tls", stack, HOST="0.0.0.0", TLS_CERTIFICATE_FILE=certificate, TLS_KEY_FILE=key, TLS_PORT=free_port())
    worker.process.command = ["unshare", "--net", "--", *worker.process.command]
    worker.process.start()
    try:
        wait_until(lambda: "worker serves TLS url=https://0.0.0.0:" in worker.process.log()
                   and "url=http://127.0.0.1:" in worker.process.log(), what="both are served")
        tables = "".join((pathlib.Path(f"/proc/{worker.process.child.pid}/net") / name).read_text() for name in ("tcp", "tcp6"))
        listening = {address: host for host, address in re.findall(r"^ *\d+: (\w+):(\w{4}) \w+:\w+ 0A ", tables, re.M)}
        assert listening[f"{worker.port:04X}"] == "0100007F", listening
    finally:
        worker.process.kill()
