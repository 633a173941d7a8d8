"""Callers who do not read their answers: little is buffered for them, and not for long."""

import http.client
import itertools
import json
import threading
import time

from clock import patience
from measuring import memory_mib
from playing import CHAT, body, connect, ledger_rows, raw_request
from processes import wait_until
from raw_answers import DONE, delta, event, head, usage_chunk
from raw_upstream import FIN

READERS = 60
FLOOD = [head(), itertools.repeat(event(delta("x" * 8000)))]
END = event(delta("", finish="stop")) + event(usage_chunk(7, 2)) + DONE


def test_callers_who_do_not_read_cost_little_and_are_given_up(stack, make_worker, key, upstream):
    """60 of them read a byte now and then; one reads slowly but steadily and gets the whole answer."""
    worker = make_worker(WRITE_STALL_MS=1500)
    upstream.scripts.update({"flood": FLOOD, "steady": [head(), itertools.repeat(event(delta("x" * 8000)), 500), END, FIN]})
    before, steady = memory_mib(worker), {}
    readers = [connect(worker, receive_buffer=4096) for _ in range(READERS)]
    for reader in readers:
        reader.sendall(raw_request(key, "flood"))

    def read_steadily():
        connection = http.client.HTTPConnection("127.0.0.1", worker.port)
        connection.sock, text, started = connect(worker, receive_buffer=32768), b"", time.monotonic()
        connection.request("POST", CHAT, json.dumps(body("steady")), {
            "Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        while part := answer.read1(16384):
            text = text[-1000:] + part
            time.sleep(0.006)
        connection.close()
        steady.update(text=text, seconds=time.monotonic() - started)

    thread = threading.Thread(target=read_steadily)
    thread.start()
    wait_until(lambda: len(upstream.of("flood")) == READERS, 5, "all floods have begun")
    grown, deadline = 0, time.monotonic() + patience(6)
    while time.monotonic() < deadline and not all(r.gone_at for r in upstream.of("flood")):
        grown = max(grown, memory_mib(worker) - before)
        for reader in readers:
            reader.setblocking(False)
            try:
                reader.recv(1)
            except OSError:
                pass
        time.sleep(0.1)
    given_up, sent = all(r.gone_at for r in upstream.of("flood")), sum(r.sent for r in upstream.of("flood"))
    for reader in readers:
        reader.close()
    thread.join(patience(20))
    rows = ledger_rows(stack, [r.id for r in upstream.of("flood")])
    print(f"\n{READERS} unread streams: the worker grew by {grown:.0f} MiB, the engine could send {sent >> 20} MiB")
    assert given_up, "each was given up after a second and a half without progress"
    assert all(row["outcome"] != "completed" and row["nano_usd"] > 0 for row in rows)
    assert steady["seconds"] > 1.5 and b"data: [DONE]" in steady["text"] and b'"error"' not in steady["text"], steady
    assert grown < READERS * 0.3, "300 KiB each"
