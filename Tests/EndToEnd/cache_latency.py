#!/usr/bin/env python3
"""Measures the latency of cached answers at a steady rate, and prints the figures with their conditions.

    cache_latency.py [--rate 1000] [--seconds 20] [--connections 32] [--answers 200] [--bytes 800]

A request is due at its time whether or not earlier ones have been answered, and is measured from then. The same is
measured with `no-store`, where the scripted provider answers. One thread sends all requests, so the figures include its
own delays.
"""

import argparse
import collections
import json
import os
import select
import socket
import time

from cache_rig import exchange, hello
from processes import wait_until
from stack import Stack


class Line:
    """One connection with at most one request in flight."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def ask(self, request, due):
        self.due, self.data = due, b""
        self.socket.sendall(request)

    def take(self):
        """Reads more of the answer; returns its head once it is complete, else None."""
        part = self.socket.recv(1 << 20)
        assert part, "the worker closed"
        self.data += part
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return None
        start = head.index(b"content-length: ") + len(b"content-length: ")
        return head if len(body) >= int(head[start:].split(b"\r\n", 1)[0]) else None


def request(key, body, *fields):
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def measure(name, port, requests, rate, seconds, connections):
    poll, lines, times, hits, late = select.epoll(), {}, [], [], 0
    for _ in range(connections):
        line = Line(port)
        lines[line.socket.fileno()] = line
        poll.register(line.socket, select.EPOLLIN)
    # Round robin, since unused connections are closed.
    free, begin, sent, total = collections.deque(lines.values()), time.perf_counter() + 0.1, 0, int(rate * seconds)
    while len(times) < total:
        now = time.perf_counter()
        while free and sent < total and begin + sent / rate <= now:
            free.popleft().ask(requests[sent % len(requests)], begin + sent / rate)
            sent += 1
        if not free and sent < total and begin + sent / rate <= now:
            late += 1
        # epoll rounds up to whole milliseconds: poll without waiting in the last one.
        pause = begin + sent / rate - now if sent < total and free else 0.01
        for number, _ in poll.poll(max(0, pause - 0.001)):
            head = lines[number].take()
            if head:
                times.append(time.perf_counter() - lines[number].due)
                if b"x-aihub-cache: hit" in head:
                    hits.append(times[-1])
                free.append(lines[number])
    took = time.perf_counter() - begin
    print(f"{name}: {total} requests at {total / took:.0f}/s, {len(hits)} hits, {late} times no connection was free; "
          f"all {spread(times)}" + (f"; hits {spread(hits)}" if hits else ""), flush=True)


def spread(times):
    times = sorted(times)
    return ", ".join(f"p{part} {times[len(times) * part // 100] * 1000:.3f} ms" for part in (50, 90, 99))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rate", 1000), ("seconds", 20), ("connections", 32), ("answers", 200), ("bytes", 800)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    stack = Stack(workers=1, cache=True, THREADS=1, LOG_LEVEL="info", CACHE_DEADLINE_MS=25)
    try:
        key, worker = stack.new_key()["key"], stack.workers[0]
        bodies = [hello(text=f"{n} {'word ' * (options.bytes // 5)}") for n in range(options.answers)]
        for body in bodies:
            assert exchange(worker, key, body).word in ("miss", "bypass")
        for body in bodies:
            wait_until(lambda: exchange(worker, key, body).word == "hit", 5, "answers are kept")
        raw = [json.dumps(body).encode() for body in bodies]
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; one worker with one loop, {options.connections} "
              f"connections, {options.answers} answers, bodies of {len(raw[0])} bytes", flush=True)
        arguments = (options.rate, options.seconds, options.connections)
        measure("hits", worker.port, [request(key, body) for body in raw], *arguments)
        fresh = [request(key, body, "Cache-Control: no-store") for body in raw]
        measure("engine (no-store)", worker.port, fresh, *arguments)
        print({name: value for name, value in worker.metrics().items() if "cache" in name})
    finally:
        stack.close()


if __name__ == "__main__":
    main()
