"""The public port's TLS: accepted handshakes, replacement of certificates, and complete relaying of bytes."""

import concurrent.futures
import functools
import json
import shutil
import signal
import ssl
import threading
import time

import openai
import pytest

from tls_rig import Pairs, TLSWorker
from measuring import memory_mib
from playing import body, connect as tcp, load_models, raw_request
from clock import judge, within
from processes import wait_until
from raw_answers import DONE, answer, delta, event, head, plain, usage_chunk
from raw_upstream import FIN, GONE, RawUpstream, reset

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
HELLO = [{"role": "user", "content": "Hello"}]
END = event(delta("", finish="stop")) + event(usage_chunk(7, 2)) + DONE
EXCHANGE_SECONDS = 5


@pytest.fixture(scope="module")
def upstream(stack):
    made = RawUpstream(send_buffer=64 << 10)
    load_models(stack, {"over-tls": (f"http://127.0.0.1:{made.port}/v1", 20000, "127.0.0.0/8")})
    yield made
    made.close()


@pytest.fixture(scope="module")
def make_worker(stack, upstream, key):
    made = []

    def make(**settings):
        name = f"tls-{len(made)}"
        pairs = Pairs(stack.folder / name)
        pairs.show(*pairs.make("first"))
        made.append(TLSWorker(f"worker-{name}", stack, key, pairs, **settings))
        return made[-1]

    yield make
    for worker in made:
        worker.process.kill()


@pytest.fixture(scope="module")
def worker(make_worker):
    return make_worker()


def read_all(connection):
    """Reads until the peer closes, in whatever way."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        pass
    return received


# Handshakes

@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_official_client(worker, key, version):
    """It verifies the certificate and gets an answer and a stream."""
    context = worker.pairs.trusting(getattr(ssl.TLSVersion, version.replace(".", "_")))
    with openai.DefaultHttpxClient(verify=context) as http:
        client = openai.OpenAI(base_url=worker.url, api_key=key, max_retries=0, http_client=http)
        assert client.chat.completions.create(model="smart", messages=HELLO).choices[0].message.content == "tok " * 8
        chunks = client.chat.completions.create(model="smart", messages=HELLO, stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == "tok " * 8
    with worker.connect(version=context.minimum_version) as connection:
        assert connection.version() == version


def test_an_old_version_is_refused_by_the_worker(worker):
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        worker.connect(version=ssl.TLSVersion.TLSv1_1)


def test_plain_http_on_the_tls_port_is_closed(worker):
    with worker.tcp(seconds=2) as connection:
        connection.sendall(b"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in read_all(connection)
    assert worker.get() == 200


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["mute", "half a hello"])
def test_a_handshake_that_takes_too_long_is_closed(make_worker, sent):
    slow = make_worker(TLS_HANDSHAKE_MS=1000)
    started = time.monotonic()
    with slow.tcp(seconds=5) as connection:
        connection.sendall(sent)
        read_all(connection)
    assert time.monotonic() - started > 0.9, "not before its time"
    within(time.monotonic() - started, 2, "closed")
    assert slow.get() == 200


# Certificates

def test_an_exchange_touches_no_stream(make_worker, upstream, key):
    worker, exchanged = make_worker(), threading.Event()

    def pieces():
        while not exchanged.wait(0.05):
            yield event(delta("a"))
        yield event(delta("z"))

    upstream.scripts["exchange"] = [head(), pieces(), END, FIN]
    with openai.DefaultHttpxClient(verify=worker.pairs.trusting(), timeout=20) as http, http.stream(
            "POST", f"{worker.url}/chat/completions", json=body("exchange", model="over-tls"),
            headers={"Authorization": f"Bearer {key}"}) as stream:
        lines = stream.iter_lines()
        assert '"a"' in next(lines) and worker.shown() == "first"
        worker.pairs.show(*worker.pairs.make("second"))
        wait_until(lambda: worker.shown() == "second", EXCHANGE_SECONDS, "new connections see the new certificate")
        exchanged.set()
        rest = [line for line in lines if line and not line.startswith(":")]
    assert rest[-1] == "data: [DONE]" and any('"z"' in line for line in rest) and not any('"error"' in line for line in rest)


def test_a_bad_pair_is_refused_and_a_good_one_taken_afterwards(make_worker):
    worker = make_worker()
    pairs, garbage = worker.pairs, worker.pairs.folder / "garbage"
    garbage.write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    bad = {"another's key": (None, pairs.make("other")[1]), "expired": pairs.make("expired", days=-1), "garbage": (garbage, None),
           "garbage as key": (pairs.make("keyless")[0], garbage)}
    shown = "first"
    for number, (what, pair) in enumerate(bad.items()):
        before = worker.refused()
        pairs.show(*pair)
        wait_until(lambda: worker.refused() > before, EXCHANGE_SECONDS, f"{what} is counted")
        assert worker.shown() == shown and worker.get() == 200, what
        shown = f"good-{number}"
        pairs.show(*pairs.make(shown))
        wait_until(lambda: worker.shown() == shown, EXCHANGE_SECONDS, f"a good pair is taken after {what}")


def test_a_lost_pair_keeps_the_old_one(make_worker):
    worker = make_worker()
    worker.pairs.certificate.unlink()
    wait_until(lambda: worker.refused() == 1, EXCHANGE_SECONDS, "it is counted")
    assert worker.shown() == "first"


def test_a_pair_behind_links_is_exchanged_when_the_folder_is(make_worker):
    """As secrets are mounted in containers: links to files in a folder that is itself a link, which is replaced."""
    worker = make_worker()
    pairs = worker.pairs

    def swap(name):
        folder = pairs.folder / f"of-{name}"
        folder.mkdir()
        for made, file in zip(pairs.make(name), [pairs.certificate, pairs.key]):
            shutil.copyfile(made, folder / file.name)
        (pairs.folder / "next").symlink_to(folder)
        (pairs.folder / "next").rename(pairs.folder / "now")

    swap("linked")
    for file in [pairs.certificate, pairs.key]:
        (pairs.folder / "next").symlink_to(pairs.folder / "now" / file.name)
        (pairs.folder / "next").rename(file)
    wait_until(lambda: worker.shown() == "linked", EXCHANGE_SECONDS, "the links are followed")
    swap("moved")
    wait_until(lambda: worker.shown() == "moved", EXCHANGE_SECONDS, "the folder's exchange is seen")


def test_exchanges_under_load_fail_no_handshake(make_worker):
    worker, over, asked, failed = make_worker(), threading.Event(), [], []

    def ask_on():
        while not over.is_set():
            try:
                asked.append(worker.get())
            except OSError as error:
                failed.append(error)

    callers = [threading.Thread(target=ask_on) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        for number in range(5):
            worker.pairs.show(*worker.pairs.make(f"under-load-{number}"))
            wait_until(lambda: worker.shown() == f"under-load-{number}", EXCHANGE_SECONDS, "it is taken")
    finally:
        over.set()
        for caller in callers:
            caller.join()
    assert failed == [] and set(asked) == {200}, (failed, len(asked))
    judge(len(asked) > 50, f"{len(asked)} handshakes beside the exchanges")


# Bytes

def test_a_large_request_passes_whole(worker, upstream, key):
    upstream.scripts["large request"] = [plain(answer())]
    sent = body("large request", model="over-tls", stream=False, messages=[{"role": "user", "content": "0123456789" * 500_000}])
    with openai.DefaultHttpxClient(verify=worker.pairs.trusting(), timeout=30) as http:
        got = http.post(f"{worker.url}/chat/completions", json=sent, headers={"Authorization": f"Bearer {key}"})
    assert got.status_code == 200, got.text
    assert json.loads(upstream.of("large request")[0].body)["messages"] == sent["messages"]


@pytest.mark.parametrize("ending", ["kept open", "closed"])
def test_a_large_stream_waits_for_a_slow_reader_and_passes_whole(worker, upstream, key, ending):
    """Nobody reads at first, so the provider is paused. The data buffered in between arrives, however late."""
    script, pieces = f"large stream {ending}", 3000
    upstream.scripts[script] = [head(), (event(delta(f"{n:08}" * 1000)) for n in range(pieces)), END, FIN]
    request = raw_request(key, script, model="over-tls")
    if ending == "closed":
        request = request.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)
    before = memory_mib(worker)
    with worker.connect(receive_buffer=16 << 10) as connection:
        connection.sendall(request)
        received, held = bytearray(connection.recv(1000)), upstream.of(script)[0]

        def rests():
            sent = held.sent
            time.sleep(0.5)
            return sent == held.sent

        wait_until(rests, 10, "the provider is held back")
        assert held.sent < 12 << 20 and memory_mib(worker) - before < 8, (held.sent, memory_mib(worker) - before)
        while b"data: [DONE]\n\n" not in received[-100:]:
            part = connection.recv(16384)
            assert part, f"cut after {len(received)} bytes, which end with {received[-60:]}"
            received += part
    at = -1
    for number in range(pieces):
        at = received.find(b"%08d" % number * 10, at + 1)
        assert at > 0, f"piece {number} is missing or in the wrong place"


@pytest.mark.parametrize("leave", [lambda c: c.close(), lambda c: c.unwrap(), reset], ids=["fin", "close notify", "rst"])
def test_a_caller_who_leaves_ends_the_upstream(worker, upstream, key, leave):
    upstream.scripts["left"] = [head() + event(delta("a")), GONE]
    before = len(upstream.of("left"))
    connection = worker.connect()
    connection.sendall(raw_request(key, "left", model="over-tls"))
    received = b""
    while b'"a"' not in received:
        received += connection.recv(65536)
    left_at, request = time.monotonic(), upstream.of("left")[before]
    leave(connection)
    wait_until(lambda: request.gone_at, 3, "the upstream was hung up on")
    within(request.gone_at - left_at, 1, "the upstream was hung up on")


def test_the_end_of_a_worker(make_worker, upstream, key):
    """An idle connection does not delay the worker's shutdown, and a stream completes."""
    worker, ending = make_worker(), threading.Event()

    def last():
        ending.wait(10)
        yield END

    upstream.scripts["ending"] = [head() + event(delta("a")), last(), FIN]
    idle, busy = worker.connect(), worker.connect()
    busy.sendall(raw_request(key, "ending", model="over-tls"))
    received = b""
    while b'"a"' not in received:
        received += busy.recv(65536)
    threading.Timer(0.5, ending.set).start()
    assert worker.process.stop(8) == 0, worker.process.log()[-2000:]
    assert b"data: [DONE]" in received + read_all(busy) and read_all(idle) == b""


# The last bytes. The kernel's buffer size is unknown, so streams of many lengths are tried.

def streams(worker, upstream, key, name, connect, megabytes):
    """Connections with one stream requested and `Connection: close`, of which only the beginning has been read."""
    made = []
    for size in megabytes:
        script = f"{name} {size}"
        upstream.scripts[script] = [head(), (event(delta("x" * 8000)) for _ in range(int(size * 125))), END, FIN]
        made.append(connect(receive_buffer=4096))
        request = raw_request(key, script, model="over-tls")
        made[-1].sendall(request.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1))
        assert made[-1].recv(100)
    return made


def read_slowly(connection):
    """The tail of what is received until the peer closes."""
    end = b""
    try:
        while part := connection.recv(16384):
            end = (end + part)[-100:]
            time.sleep(0.002)
    except OSError:
        pass
    return end


def lost(connections, megabytes):
    with concurrent.futures.ThreadPoolExecutor(len(connections)) as pool:
        return [size for size, end in zip(megabytes, pool.map(read_slowly, connections)) if b"data: [DONE]" not in end]


def test_a_reader_who_rests_before_the_end_still_gets_it(worker, upstream, key):
    megabytes = [at / 10 for at in range(24, 36)]
    connections = streams(worker, upstream, key, "rest", worker.connect, megabytes)
    time.sleep(7)
    assert lost(connections, megabytes) == []


@pytest.mark.parametrize("megabytes", [3, 6])
@pytest.mark.parametrize("over", ["TLS", "TCP"])
def test_a_worker_that_ends_sends_a_slow_reader_the_end(make_worker, upstream, key, over, megabytes):
    """A single reader: others would keep the worker running for them."""
    worker = make_worker(DRAIN_SECONDS=20)
    connect = worker.connect if over == "TLS" else functools.partial(tcp, worker)
    connections = streams(worker, upstream, key, f"end {over}", connect, [megabytes])
    worker.process.signal(signal.SIGTERM)
    assert lost(connections, [megabytes]) == []
    assert worker.process.stop(8) == 0
