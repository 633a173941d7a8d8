"""Trusted provider certificates and handshakes: an attempt with any other ends before a byte of the request is sent."""

import ssl
import subprocess

import pytest

from clock import within
from playing import load_models, play
from raw_answers import answer, plain
from raw_upstream import GONE, RST, RawUpstream

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
OK = [plain(answer())]
CA_FILE = "/etc/ssl/certs/ca-certificates.crt"


class Authority:
    """A certificate authority that a worker trusts in its own mount namespace."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = self.make("ca", "-x509", "-days", "2")

    def make(self, name, *options):
        path = self.folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                        "-keyout", self.folder / f"{name}.key", "-out", path, *options], check=True, capture_output=True)
        return path

    def server(self, name, alternative="IP:127.0.0.1", days=2, own=False, only=None):
        if own:
            path = self.make(name, "-x509", "-addext", f"subjectAltName={alternative}")
        else:
            request, path = self.make(name), self.folder / f"{name}.crt"
            (self.folder / "ext").write_text(f"subjectAltName={alternative}")
            subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "ca.key",
                            "-days", str(days), "-extfile", self.folder / "ext", "-out", path], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.load_cert_chain(path, self.folder / f"{name}.key")
        if only:
            context.minimum_version = context.maximum_version = only
        return RawUpstream(tls=context)

    def trust(self):
        """The wrapper around a worker's command, which keeps its PID."""
        command = ["unshare", "--map-root-user", "--mount"]
        if subprocess.run([*command, "true"], capture_output=True).returncode:
            pytest.skip("no mount namespaces here")
        return [*command, "sh", "-c", f'mount --bind {self.certificate} {CA_FILE} && exec "$@"', "sh"]


@pytest.fixture(scope="module")
def tls(stack, make_worker):
    folder = stack.folder / "tls"
    folder.mkdir()
    authority = Authority(folder)
    servers = {
        "tls-good": authority.server("good"), "tls-expired": authority.server("expired", days=-1),
        "tls-host": authority.server("host", alternative="DNS:other.test"), "tls-own": authority.server("own", own=True),
        "tls-old": authority.server("old", only=ssl.TLSVersion.TLSv1),
        "tls-plain": RawUpstream(at_accept=[b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", GONE]),
        "tls-mute": RawUpstream(at_accept=[GONE]), "tls-reset": RawUpstream(at_accept=[RST])}
    load_models(stack, {n: (f"https://127.0.0.1:{s.port}/v1", 5000, "127.0.0.0/8") for n, s in servers.items()})
    yield servers, make_worker(wrap=authority.trust(), CONNECT_MS=2000)
    for server in servers.values():
        server.close()


def test_a_trusted_certificate_is_taken(stack, tls, key):
    outcome = play(stack, tls[1], key, tls[0]["tls-good"], {"good": OK}, model="tls-good", stream=False)["good"]
    assert outcome.status == 200 and len(outcome.received) == 1


@pytest.fixture(scope="module")
def untrusted(stack, tls, key):
    return {name: play(stack, tls[1], key, server, {name: OK}, model=name, stream=False)[name]
            for name, server in tls[0].items() if name != "tls-good"}


UNTRUSTED = ["tls-expired", "tls-host", "tls-own", "tls-old", "tls-plain", "tls-mute"]


@pytest.mark.parametrize("name", [*UNTRUSTED, "tls-reset"])
def test_a_bad_certificate_or_handshake_ends_the_attempt(tls, untrusted, name):
    """One handshake, no request over it, and none without it."""
    untrusted[name].is_refused()
    assert (tls[0][name].connections, tls[0][name].received) == (1, [])
    within(untrusted[name].seconds, 3, "refused")


@pytest.mark.parametrize("name", UNTRUSTED)
def test_the_error_says_that_tls_failed(untrusted, name):
    assert "upstream_tls" in str(untrusted[name].body["error"])
