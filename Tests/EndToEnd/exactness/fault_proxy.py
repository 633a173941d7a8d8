"""A TCP proxy that misbehaves on command: slow, silent one way, cut after so many bytes, reset, closed, half closed.

It runs as a separate process, so that the load of a test does not slow it down, and ends with its parent. The
connecting side is the caller, the other side the target; `up` is from the caller to the target, `down` back.
"""

import asyncio
import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading

UP, DOWN = "up", "down"
#: Pieces buffered per direction of a connection before the sender has to wait.
PIECES_MAX = 256


class FaultProxy:
    """A test's handle of the proxy. Every call returns once the proxy has carried it out."""

    def __init__(self, target=None):
        self.lock = threading.Lock()
        self.child = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.child.stdout.readline())["port"]
        self.lead_to(target)

    def url_of(self, user):
        """The URL of the state Redis through the proxy, for a user."""
        return f"redis://{user}:password-of-{user}@127.0.0.1:{self.port}"

    def lead_to(self, port):
        """Directs new connections to a target; None refuses them."""
        self._tell(target=port)

    def delay(self, up_ms=0, down_ms=0):
        self._tell(delay={UP: up_ms / 1000, DOWN: down_ms / 1000})

    def hold(self, *directions):
        """Buffers data in these directions until `release`; it is lost if the connection is cut first."""
        self._tell(held=list(directions))

    def release(self):
        self._tell(held=[])

    def cut(self, how="rst"):
        """Ends all connections now, dropping buffered data. `how`: rst, fin, half (the caller reads an end)."""
        self._tell(cut=how)

    def cut_after(self, count, direction=DOWN, how="rst"):
        """Cuts each connection after its next `count` bytes in that direction."""
        self._tell(after=[count, direction, how])

    def well(self):
        self._tell(held=[], delay={UP: 0, DOWN: 0}, after=None)

    def close(self):
        self.child.stdin.close()
        self.child.wait(10)

    def _tell(self, **command):
        with self.lock:
            self.child.stdin.write(json.dumps(command) + "\n")
            self.child.stdin.flush()
            if not self.child.stdout.readline():
                raise ConnectionError("the proxy has ended")


class Connection:
    def __init__(self, proxy, caller, target):
        self.proxy, self.sides = proxy, {UP: (caller[0], target[1]), DOWN: (target[0], caller[1])}
        self.tasks, self.left = [], {}

    async def run(self):
        for direction in (UP, DOWN):
            waiting = asyncio.Queue(PIECES_MAX)
            for carry in (self.read, self.send):
                self.tasks.append(asyncio.create_task(carry(direction, waiting)))
        outcomes = await asyncio.gather(*self.tasks, return_exceptions=True)
        for _, writer in self.sides.values():
            # Closes properly if both sides have ended; otherwise it is already gone.
            writer.transport.abort() if any(outcomes) else writer.close()

    async def read(self, direction, waiting):
        try:
            while data := await self.sides[direction][0].read(65536):
                await waiting.put((asyncio.get_running_loop().time() + self.proxy.delay[direction], data))
            await waiting.put((0, b""))
        except OSError:
            self.end("rst")

    async def send(self, direction, waiting):
        writer = self.sides[direction][1]
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
            await self.proxy.passes[direction].wait()
            if not data:
                return writer.write_eof()
            if self.proxy.after and self.proxy.after[1] == direction:
                rule = self.proxy.after
                left = self.left.get(id(rule), rule[0])
                self.left[id(rule)] = left - len(data)
                if left <= len(data):
                    writer.write(data[:left])
                    return self.end(rule[2])
            writer.write(data)
            await writer.drain()

    def end(self, how):
        if how == "half":
            return self.sides[DOWN][1].write_eof()
        for task in self.tasks:
            task.cancel()
        for _, writer in self.sides.values():
            if how == "rst" and (raw := writer.get_extra_info("socket")) and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()  # buffered data is lost


class Proxy:
    def __init__(self):
        self.target, self.after, self.connections = None, None, set()
        self.delay = {UP: 0, DOWN: 0}
        self.passes = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for event in self.passes.values():
            event.set()

    async def accept(self, reader, writer):
        connection = None
        try:
            target = await asyncio.open_connection("127.0.0.1", self.target or 1)
            connection = Connection(self, (reader, writer), target)
            self.connections.add(connection)
            await connection.run()
        except OSError:
            writer.transport.abort()
        finally:
            self.connections.discard(connection)

    def obey(self, target=-1, delay=None, held=None, cut=None, after=-1):
        self.target = self.target if target == -1 else target
        self.delay = delay or self.delay
        self.after = self.after if after == -1 else after
        for direction, event in self.passes.items() if held is not None else ():
            event.clear() if direction in held else event.set()
        for connection in list(self.connections) if cut else ():
            connection.end(cut)


async def main():
    proxy = Proxy()
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, backlog=512)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    while line := await commands.readline():
        proxy.obey(**json.loads(line))
        await asyncio.sleep(0)  # cut connections are gone before the test continues
        print("{}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
