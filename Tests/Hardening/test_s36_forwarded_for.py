"""Behind a load balancer: bad keys count for the address it names, whatever else is written in X-Forwarded-For."""

import random

import pytest

import rows
from addresses import Caller, check_refusal, fresh_address, random_key
from stack import Worker

BURST = 30


@pytest.fixture(scope="module")
def worker(stack):
    made = Worker("s36", stack, FAILED_KEYS_PER_MINUTE=60, TRUSTED_PROXIES="127.8.0.0/16,10.9.0.0/16,2001:db8:aaaa::/48").start()
    yield made
    made.process.kill()


def ipv4(source):
    return ".".join(str(source.randint(11, 250)) for _ in range(4))


def network6(source):
    return f"2001:db8:{source.randrange(1 << 15):x}:{source.randrange(1 << 16):x}"


def generate(source: random.Random):
    return {"form": source.choice(["plain", "port", "spoofed", "chain", "lines", "mapped", "ipv6", "bracket", "untrusted",
                                   "none", "garbage", "tabs"]), "seed": source.getrandbits(64)}


def spellings(form, source):
    """What an attacker's requests say of where they come from, each as header lines, and what a neighbour's say."""
    mine, other, net = ipv4(source), ipv4(source), network6(source)

    def of(address):
        return [("X-Forwarded-For", address)]

    makers = {
        "plain": lambda: of(mine),
        "port": lambda: of(f"{mine}:{source.randint(1024, 65535)}"),
        # Anybody may write what stands to the left of what the trusted proxy has appended.
        "spoofed": lambda: of(f"{ipv4(source)}, {mine}"),
        "chain": lambda: of(f"{ipv4(source)},{mine}, 10.9.{source.randint(0, 255)}.{source.randint(0, 255)}"),
        "lines": lambda: [("X-Forwarded-For", ipv4(source)), ("x-forwarded-for", mine)],
        "mapped": lambda: of(source.choice([mine, f"::ffff:{mine}"])),
        "ipv6": lambda: of(f"{net}:{source.randrange(1 << 16):x}::{source.randrange(1, 1 << 16):x}"),
        "bracket": lambda: of(f"[{net}::{source.randrange(1, 1 << 16):x}]:{source.randint(1024, 65535)}"),
        "untrusted": lambda: of(ipv4(source)),
        "none": lambda: [],
        "garbage": lambda: of(source.choice(["unknown", "_hidden", "1.2.3", "a, b", ",", "999.1.1.1"])),
        "tabs": lambda: of(f" \t{ipv4(source)}\t,\t {mine} "),
    }
    return makers[form], of(other)


def test_bad_keys_count_for_the_address_a_trusted_proxy_names(worker):
    def check(variant):
        source, form = random.Random(variant["seed"]), variant["form"]
        mine, other = spellings(form, source)
        peer = fresh_address("127.9" if form == "untrusted" else "127.8")

        def send(lines):
            with Caller(worker, peer) as caller:
                return caller.ask("GET", "/v1/me", [("Authorization", f"Bearer {random_key(source)}"), *lines])

        answers = [send(mine()) for _ in range(BURST + 8)]
        assert [status for status, _, _ in answers[:BURST]] == [401] * BURST, "refused too soon"
        refused = [answer for answer in answers if answer[0] != 401]
        assert refused, "no bad key was refused"
        for answer in refused:
            check_refusal(answer)
        # Another caller behind the same proxy is not the one who sent them; nobody believes a stranger's word on that.
        status = send(other)[0]
        assert status == (429 if form == "untrusted" else 401), status

    rows.attack("S36", generate, check, variants=24)
