"""A worker that serves TLS, its certificates, and its clients."""

import pathlib
import shutil
import ssl
import socket
import sys
import urllib.request

sys.path.append(str(pathlib.Path(__file__).parent / "faults"))
from clock import patience  # noqa: E402
from processes import free_port, wait_until  # noqa: E402
from raw import ask  # noqa: E402
from stack import Worker  # noqa: E402
from test_upstream_tls import Authority  # noqa: E402


class Pairs:
    """Certificates with their keys, named by subject, and the two files a worker is configured with."""

    def __init__(self, folder):
        folder.mkdir()
        self.authority = Authority(folder)
        self.folder, self.certificate, self.key = folder, folder / "shown.pem", folder / "shown.key"

    def make(self, name, **how):
        self.authority.server(name, **how).close()
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def show(self, certificate=None, key=None):
        """Replaces each file atomically, as a careful administrator would."""
        for new, shown in [(certificate, self.certificate), (key, self.key)]:
            if new:
                shutil.copyfile(new, self.folder / "next")
                (self.folder / "next").rename(shown)

    def trusting(self, version=None):
        context = ssl.create_default_context(cafile=self.authority.certificate)
        if version:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        return context


class TLSWorker(Worker):
    def __init__(self, name, stack, key, pairs, **settings):
        self.tls_port, self.pairs = free_port(), pairs
        super().__init__(name, stack, TLS_PORT=self.tls_port, **{
            "TLS_CERTIFICATE_FILE": pairs.certificate, "TLS_KEY_FILE": pairs.key, **settings})
        self.url = f"https://127.0.0.1:{self.tls_port}/v1"
        self.start()
        wait_until(lambda: ask(self, "GET", "/v1/models", key)[0] == 200, what="the key is known")

    def tcp(self, receive_buffer=None, seconds=20):
        connection = socket.socket()
        connection.settimeout(patience(seconds))
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect(("127.0.0.1", self.tls_port))
        return connection

    def connect(self, version=None, **how):
        return self.pairs.trusting(version).wrap_socket(self.tcp(**how), server_hostname="127.0.0.1")

    def get(self):
        """Sends a request over a new connection."""
        with urllib.request.urlopen(self.url, timeout=patience(5), context=self.pairs.trusting()) as answer:
            return answer.status

    def shown(self):
        """The name of the certificate presented to a new connection."""
        with self.connect() as connection:
            return dict(field for fields in connection.getpeercert()["subject"] for field in fields)["commonName"]

    def refused(self):
        return self.metrics().get("aihub_worker_tls_certificates_refused_total", 0)
