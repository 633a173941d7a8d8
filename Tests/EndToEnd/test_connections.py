"""Connection limits per address and in total, and the addresses of callers behind a load balancer."""

import ipaddress
import json
import socket
import struct

import pytest

from clock import patience
from processes import wait_until
from stack import Worker

GET = b"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n"
LIMIT, TOTAL = 5, 10
PROXY, OTHER = "127.0.0.1", "127.0.0.2"


def version_1(address):
    return f"PROXY TCP{ipaddress.ip_address(address).version} {address} {address} 40000 443\r\n".encode()


def version_2(address):
    packed = ipaddress.ip_address(address).packed
    family = b"\x11" if len(packed) == 4 else b"\x21"
    return (b"\r\n\r\n\0\r\nQUIT\n\x21" + family + struct.pack(">H", 2 * len(packed) + 4) + packed * 2
            + struct.pack(">HH", 40000, 443))


VERSIONS = pytest.mark.parametrize("header", [version_1, version_2])


class Callers:
    """Connections to a worker; all are closed at the end."""

    def __init__(self, worker):
        self.worker, self.all = worker, []

    def connect(self, source=PROXY, sent=b""):
        made = socket.create_connection(("127.0.0.1", self.worker.port), patience(5), (source, 0))
        self.all.append(made)
        made.sendall(sent)
        return made

    def ask(self, connection, request=GET):
        """Status, headers and body of an answer; the status is 0 if the connection was closed instead."""
        try:
            connection.sendall(request)
            received = b""
            while b"\r\n\r\n" not in received:
                part = connection.recv(65536)
                if not part:
                    return 0, {}, None
                received += part
            head, body = received.decode().split("\r\n\r\n", 1)
            status, *fields = head.split("\r\n")
            headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
            while len(body) < int(headers["content-length"]):
                body += connection.recv(65536).decode()
            return int(status.split(" ")[1]), headers, json.loads(body)
        except ConnectionError:
            return 0, {}, None

    def status(self, **how):
        return self.ask(self.connect(**how))[0]

    def fill(self, places, **how):
        made = [self.connect(**how) for _ in range(places)]
        assert [self.ask(connection)[0] for connection in made] == [200] * places
        return made

    def close(self):
        for connection in self.all:
            connection.close()
        self.all = []


@pytest.fixture(scope="module")
def workers(stack):
    behind_proxy = {"TRUSTED_PROXIES": PROXY, "CONNECTIONS_PER_ADDRESS": LIMIT}
    made = {name: Worker(f"connections-{name}", stack, **settings).start() for name, settings in {
        "direct": {"CONNECTIONS_PER_ADDRESS": LIMIT}, "few": {"CONNECTIONS": TOTAL}, "trusting": behind_proxy,
        "proxied": {"PROXY_PROTOCOL": "on", **behind_proxy}}.items()}
    yield made
    for worker in made.values():
        worker.process.kill()


@pytest.fixture
def callers(workers, request):
    made = Callers(workers[request.param])
    yield made
    made.close()


def on(name):
    return pytest.mark.parametrize("callers", [name], indirect=True)


def is_turned_away(answer):
    status, headers, body = answer
    assert (status, body["error"]["type"], body["error"]["code"]) == (503, "overloaded", 503), answer
    assert int(headers["retry-after"]) >= 1 and headers["content-type"] == "application/json", answer


def is_not_http(callers, connection, request=GET):
    status, _, body = callers.ask(connection, request)
    assert (status, body.get("error", {}).get("type")) == (400, "invalid_request_error"), (status, body)
    assert connection.recv(100) == b"", "it is closed"


# By address

@on("direct")
def test_one_address_has_so_many_places_and_no_other_address_pays_for_it(callers):
    held = callers.fill(LIMIT)
    for _ in range(20):
        is_turned_away(callers.ask(callers.connect()))
    callers.fill(LIMIT, source=OTHER)
    assert [callers.ask(connection)[0] for connection in held] == [200] * LIMIT, "those that are in go on"
    held[0].close()
    wait_until(lambda: callers.status() == 200, 2, "the place is given back")
    is_turned_away(callers.ask(callers.connect()))


@on("direct")
def test_all_places_are_given_back(callers):
    for _ in range(3):
        wait_until(lambda: callers.status() == 200, 2, "there is a place")
        callers.close()
        wait_until(lambda: callers.status() == 200, 2, "there is a place")
        callers.fill(LIMIT - 1)
        assert callers.status() == 503
        callers.close()


@on("trusting")
def test_a_trusted_proxy_has_no_bound(callers):
    callers.fill(LIMIT * 4)
    callers.fill(LIMIT, source=OTHER)
    is_turned_away(callers.ask(callers.connect(source=OTHER)))


# By the address a proxy reports

@on("proxied")
@VERSIONS
@pytest.mark.parametrize("named, other", [("10.1.2.3", "10.1.2.4"), ("2001:db8::1", "2001:db8::2")])
def test_the_named_address_is_counted(callers, header, named, other):
    held = callers.fill(LIMIT, sent=header(named))
    is_turned_away(callers.ask(callers.connect(sent=header(named))))
    callers.fill(LIMIT, sent=header(other))
    held[0].close()
    wait_until(lambda: callers.status(sent=header(named)) == 200, 2, "the place is given back")


@on("proxied")
@VERSIONS
def test_a_header_cut_at_every_byte_names_the_same_caller(callers, header):
    """One loop serves all: once a later request is answered, the first parts sent before it have been read."""
    headers = [header(f"10.9.1.{100 + at}") for at in range(len(header("10.9.1.100")))]
    halves = [[callers.connect(sent=whole[:at]) for _ in range(LIMIT)] for at, whole in enumerate(headers)]
    assert callers.status(sent=header("10.9.2.1")) == 200
    for at, (whole, held) in enumerate(zip(headers, halves)):
        assert [callers.ask(half, whole[at:] + GET)[0] for half in held] == [200] * LIMIT, f"cut at {at}"
        is_turned_away(callers.ask(callers.connect(sent=whole)))


@on("proxied")
@pytest.mark.parametrize("unnamed", [
    b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"], ids=["unknown", "local"])
def test_a_proxys_own_health_checks_are_served(callers, unnamed):
    callers.fill(LIMIT * 2, sent=unnamed)


@on("proxied")
def test_a_proxy_that_sends_no_header_is_refused(callers):
    is_not_http(callers, callers.connect())


@on("proxied")
@pytest.mark.parametrize("line", [
    b"PROXY\r\n", b"PROXY TCP4 10.1.1.1 10.1.1.2 1\r\n", b"PROXY TCP4 here there 1 2\r\n", b"PROXY TCP4 2001:db8::1 10.1.1.1 1 2\r\n",
    b"PROXY TCP4 10.1.1.1 10.1.1.2 1 2\n", b"PROXY " + b"x" * 200, b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" + b"\1" * 12])
def test_a_malformed_header_is_refused(callers, line):
    is_not_http(callers, callers.connect(), line + GET)


@on("proxied")
@VERSIONS
def test_nobody_else_may_name_a_caller(callers, header):
    is_not_http(callers, callers.connect(source=OTHER), header("10.1.2.3") + GET)
    callers.fill(LIMIT - 1, source=OTHER)


# In total

@on("few")
def test_there_are_so_many_places_for_all(callers):
    held = callers.fill(TOTAL // 2) + callers.fill(TOTAL // 2, source=OTHER)
    assert [callers.status(source=source) for source in [PROXY, OTHER, "127.0.0.3"]] == [0] * 3
    assert [callers.ask(connection)[0] for connection in held] == [200] * TOTAL
    held[0].close()
    wait_until(lambda: callers.status() == 200, 2, "the place is given back")


def test_proxy_headers_need_trusted_proxies(stack):
    worker = Worker("connections-open", stack, PROXY_PROTOCOL="on")
    assert worker.process.start().wait(5) == 64
    assert "AIHUB_WORKER_PROXY_PROTOCOL needs AIHUB_WORKER_TRUSTED_PROXIES" in worker.process.log()
