"""A proxy between a worker and Redis that handles single commands and can answer in Redis's place."""

import socket
import threading

from raw_upstream import perform

#: Connections with these commands are relayed as bytes: their replies are unsolicited or very many.
PASSED = [["SUBSCRIBE"], ["FCALL", "gw2_heartbeat"], ["FCALL", "gw2_sweep"]]


def read_reply(stream):
    """The bytes of one complete reply."""
    line = stream.readline()
    if not line:
        raise ConnectionError("Redis closed")
    size = int(line[1:]) if line[:1] in b"$*" else 0
    if line[:1] == b"$" and size >= 0:
        return line + stream.read(size + 2)
    return line + b"".join(read_reply(stream) for _ in range(size if line[:1] == b"*" else 0))


def read_command(stream):
    """The bytes of one command and its words, both empty at the end."""
    raw = line = stream.readline()
    words = []
    for _ in range(int(line[1:]) if line else 0):
        size = stream.readline()
        word = stream.read(int(size[1:]) + 2)
        raw += size + word
        words.append(word[:-2].decode(errors="replace"))
    return raw, words


class RedisProxy:
    """`spoil(words, execute)` gets each command; it returns None to pass it on, or steps for `raw_upstream.perform`.
    `execute()` runs the command on Redis and returns the bytes of its reply."""

    def __init__(self, port):
        self.redis_port, self.spoil = port, lambda words, execute: None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, socket.create_connection(("127.0.0.1", self.redis_port)) as redis:
                for side in (connection, redis):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pass(connection, redis)
        except (OSError, ValueError):
            pass

    def _pass(self, connection, redis):
        commands, replies = connection.makefile("rb"), redis.makefile("rb")

        def execute(raw):
            redis.sendall(raw)
            return read_reply(replies)

        while True:
            raw, words = read_command(commands)
            if not raw:
                return
            if any(words[:len(start)] == start for start in PASSED):
                redis.sendall(raw)
                return self._join(connection, commands, redis, replies)
            steps = self.spoil(words, lambda: execute(raw))
            if not perform(connection, [execute(raw)] if steps is None else steps):
                return

    def _join(self, connection, commands, redis, replies):
        def copy(source, target):
            try:
                while data := source.read1(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

        threading.Thread(target=copy, args=(replies, connection), daemon=True).start()
        copy(commands, redis)
