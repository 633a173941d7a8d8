"""Redis servers that serve TLS beside the plain port of the tests, and a relay that keeps what goes over the wire."""

import socket
import threading

from processes import CacheRedis, RedisServer, StateRedis, free_port

#: The most bytes a relay keeps of each direction of a connection.
KEPT_BYTES = 1 << 20


class Relay:
    """Relays connections to a port and keeps their bytes, except that a mute one passes and answers nothing."""

    def __init__(self, target, mute=False):
        self.target, self.mute = target, mute
        #: For each connection, what the caller sent and what it was sent.
        self.wires = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def kept(self):
        """Every byte of all connections, each direction of a connection by itself."""
        return [bytes(direction) for wire in list(self.wires) for direction in wire]

    def _accept(self):
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            wire = (bytearray(), bytearray())
            self.wires.append(wire)
            if self.mute:
                threading.Thread(target=self._swallow, args=(caller, wire[0]), daemon=True).start()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                caller.close()
                continue
            for side in (caller, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink, kept in ((caller, server, wire[0]), (server, caller, wire[1])):
                threading.Thread(target=self._carry, args=(source, sink, kept), daemon=True).start()

    @staticmethod
    def _carry(source, sink, kept):
        try:
            while data := source.recv(65536):
                kept += data[:max(0, KEPT_BYTES - len(kept))]
                sink.sendall(data)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _swallow(caller, kept):
        try:
            while data := caller.recv(65536):
                kept += data
        except OSError:
            pass


def is_all_records(data):
    """Whether bytes of one direction are TLS records from the first to the last, of which the end may be missing."""
    at = 0
    while at + 5 <= len(data):
        kind, major, length = data[at], data[at + 1], int.from_bytes(data[at + 3:at + 5], "big")
        # Change of cipher, alert, handshake or data; an encrypted record is at most 256 bytes longer than its text.
        if kind not in range(20, 24) or major != 3 or length > 16_384 + 256:
            return False
        at += 5 + length
    return True


def tls_options(port, pairs):
    return ["--tls-port", port, "--tls-cert-file", pairs.certificate, "--tls-key-file", pairs.key, "--tls-ca-cert-file",
            pairs.authority.certificate, "--tls-auth-clients", "no"]


class SecureStateRedis(StateRedis):
    """The state Redis of a stack. The planes reach its TLS port through a relay, the tests its plain one."""

    def __init__(self, folder, pairs, *options):
        self.tls_port = free_port()
        self.relay = Relay(self.tls_port)
        super().__init__(folder, *options, *tls_options(self.tls_port, pairs))

    def url_of(self, user):
        return f"rediss://{user}:password-of-{user}@127.0.0.1:{self.relay.port}"


class SecureCacheRedis(CacheRedis):
    def __init__(self, folder, pairs):
        super().__init__(folder)
        tls_port = free_port()
        self.relay = Relay(tls_port)
        self.url = f"rediss://127.0.0.1:{self.relay.port}"
        self.process.command += map(str, tls_options(tls_port, pairs))


class SecureRedis(RedisServer):
    """A server for a connection that is to be refused."""

    def __init__(self, name, folder, pairs):
        self.tls_port = free_port()
        super().__init__(name, folder, *tls_options(self.tls_port, pairs))
