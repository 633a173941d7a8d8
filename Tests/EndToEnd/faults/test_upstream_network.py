"""Where the gateway connects: addresses, redirects, proxies, stale connections."""

import socket

import pytest

from clock import judge, within
from playing import load_models, play
from processes import free_port
from raw_answers import answer, plain
from raw_upstream import FIN, RST, RawUpstream

OK = [plain(answer())]


# Addresses

#: name -> (host, allowed network): all resolve to the upstream's address or to a metadata service.
FORBIDDEN = {
    "to-loopback": ("127.0.0.1", "10.9.0.0/16"), "to-name": ("localhost", "10.9.0.0/16"),
    "to-dotted-name": ("localhost.", "10.9.0.0/16"), "to-short": ("127.1", "10.9.0.0/16"),
    "to-hex": ("0x7f000001", "10.9.0.0/16"), "to-number": ("2130706433", "10.9.0.0/16"),
    "to-mapped": ("[::ffff:127.0.0.1]", "10.9.0.0/16"), "to-any": ("0.0.0.0", "0.0.0.0/0"),
    "to-metadata": ("169.254.169.254", "0.0.0.0/0"), "to-metadata-mapped": ("[::ffff:169.254.169.254]", "::/0"),
    "to-metadata-6": ("[fd00:ec2::254]", "::/0"), "to-metadata-azure": ("168.63.129.16", "0.0.0.0/0"),
    "to-metadata-google": ("[fd20:ce::254]", "fd00::/8"),
    # A public address, reserved for documentation and so unused: nothing may go there without TLS.
    "to-public": ("192.0.2.1", "127.0.0.0/8"),
}


@pytest.fixture(scope="module")
def forbidden(stack, upstream, worker, key):
    load_models(stack, {n: (f"http://{host}:{upstream.port}/v1", 5000, net) for n, (host, net) in FORBIDDEN.items()})
    upstream.scripts["forbidden"] = OK
    before = upstream.connections
    made = {n: play(stack, worker, key, upstream, {"forbidden": OK}, model=n, stream=False)["forbidden"] for n in FORBIDDEN}
    assert upstream.connections == before, "nobody was connected to"
    return made


@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_address_that_is_connected_to_is_checked(worker, forbidden, name):
    forbidden[name].is_refused()
    told = [line for line in worker.process.log().splitlines() if forbidden[name].id in line and "request failed" in line]
    reasons = ["address not allowed"] + ["resolve host name"] * (name == "to-dotted-name")
    assert any(reason in told[0] for reason in reasons), told
    within(forbidden[name].seconds, 1, "refused")


@pytest.mark.parametrize("status", ["300 x", "301 x", "302 x", "303 x", "307 x", "308 x"])
def test_no_redirect_is_followed(stack, worker, key, upstream, status):
    before, ways = len(upstream.received), [(to, s) for to in ("http://169.254.169.254/", "/v1/x") for s in (False, True)]
    for to, stream in ways:
        script = {f"{status} to {to}": [plain(b"{}", f"location: {to}", status=status)]}
        for outcome in play(stack, worker, key, upstream, script, stream=stream).values():
            outcome.is_refused()
    assert len(upstream.received) == before + len(ways)


def test_nobody_there(stack, make_worker, key):
    """A closed port, a name that does not exist, and a listener that accepts no more connections."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = [socket.socket() for _ in range(4)]
    for waiting in held:
        waiting.setblocking(False)
        waiting.connect_ex(full.getsockname())
    urls = {"gone-port": f"127.0.0.1:{free_port()}", "gone-name": "nowhere.invalid",
            "gone-deaf": f"127.0.0.1:{full.getsockname()[1]}"}
    load_models(stack, {n: (f"http://{place}/v1", 5000, "127.0.0.0/8") for n, place in urls.items()})
    worker = make_worker(CONNECT_MS=300)
    for name in urls:
        outcome = play(stack, worker, key, RawUpstream(), {name: []}, model=name, stream=False)[name]
        outcome.is_refused()
        within(outcome.seconds, 1, "refused")
    for waiting in [full, *held]:
        waiting.close()


def test_proxy_variables_are_ignored(stack, make_worker, key, upstream):
    nobody = f"http://127.0.0.1:{free_port()}"
    worker = make_worker(wrap=["env", *(f"{name}={nobody}" for name in ("http_proxy", "https_proxy", "ALL_PROXY"))])
    assert play(stack, worker, key, upstream, {"direct": OK}, stream=False)["direct"].status == 200


# Stale connections

@pytest.mark.parametrize("end", [FIN, RST])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_lost_on_a_reused_connection_is_not_sent_again(stack, worker, key, upstream, end, stream):
    for _ in range(5):
        kept = play(stack, worker, key, upstream, {"kept": OK}, stream=False)["kept"]
        lost = play(stack, worker, key, upstream, {"lost": [end]}, stream=stream)["lost"]
        assert lost.received[0].connection == kept.received[0].connection, "it was a kept connection"
        lost.is_refused()
        assert len(lost.received) == 1 and len({r.id for r in upstream.of("lost")}) == len(upstream.of("lost"))


def test_a_provider_that_closes_after_each_answer(stack, worker, key, upstream):
    """A request on a closing connection is answered over another one or refused; no provider sees it twice."""
    outcomes = play(stack, worker, key, upstream, {f"closing {n}": [*OK, FIN] for n in range(200)}, stream=False)
    assert all(o.status in (200, 502) and len(o.received) <= 1 for o in outcomes.values())
    answered = sum(o.status == 200 for o in outcomes.values())
    assert answered > 0
    judge(answered > 150, f"{answered} of {len(outcomes)} answered")
