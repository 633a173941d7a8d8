"""Journals as a dead worker leaves them on its disk, of any size, modelled on the records of a real worker."""

import pathlib
import random
import struct
import time
import uuid

MAGIC, MARKER, HEADER = b"AIHUBJ03", 0x4C4E524A, 16
RUNNING, ENDED, DONE = 1, 2, 3
MASK, PRIME = (1 << 64) - 1, 0x9E3779B97F4A7C15


def checksum(payload):
    hashed = len(payload) * PRIME & MASK
    whole = len(payload) & ~7
    rest = int.from_bytes(payload[whole:], "big")
    for word in (*struct.unpack(f"<{whole // 8}Q", payload[:whole]), rest):
        hashed = (hashed ^ word) * PRIME & MASK
        hashed ^= hashed >> 29
    return hashed


def whole(payload):
    """A record as it stands in a file."""
    record = struct.pack("<IIQ", MARKER, len(payload), checksum(payload)) + payload
    return record + bytes(-len(record) % 8)


def payloads(data):
    """The payloads in a file's bytes."""
    at = len(MAGIC)
    while at + HEADER <= len(data):
        marker, length, _ = struct.unpack_from("<IIQ", data, at)
        if marker != MARKER:
            return
        yield data[at + HEADER:at + HEADER + length]
        at += HEADER + length + (-length % 8)


def fields(payload):
    """Id, key, org, periods, generation and event of a record."""
    at, found = 27, []
    for _ in range(6):
        length, = struct.unpack_from("<I", payload, at)
        found.append(payload[at + 4:at + 4 + length])
        at += 4 + length
    return found


def cost(payload):
    return struct.unpack_from("<q", payload, 3)[0]


class Models:
    """A running and an ended record of a real worker, to be copied under other ids."""

    def __init__(self, state_folder):
        self.found = {}
        for path in pathlib.Path(state_folder, "journal").glob("*/*.j"):
            for payload in payloads(path.read_bytes()):
                self.found.setdefault(payload[0], payload)
        assert RUNNING in self.found and ENDED in self.found, "the real worker has journalled a request"

    def cost(self, kind):
        return cost(self.found[kind])

    def record(self, kind, request_id):
        model = self.found[kind]
        return whole(model.replace(fields(model)[0], request_id.encode()))

    def done(self, ids):
        event = ",".join(ids).encode()
        texts = b"".join(struct.pack("<I", len(text)) + text for text in [b""] * 5 + [event])
        return whole(bytes([DONE]) + self.found[ENDED][1:2] + bytes(25) + texts)


def new_id(chance, age_seconds=0):
    milliseconds = int((time.time() - age_seconds) * 1000)
    value = milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return str(uuid.UUID(int=value))


class DeadWorker:
    """One folder of journals: what a worker that was killed leaves."""

    def __init__(self, state_folder, name):
        self.folder = pathlib.Path(state_folder, "journal", name)
        self.folder.mkdir(parents=True, mode=0o700)
        self.next = {}

    def file(self, loop, records, tail=b""):
        self.next[loop] = self.next.get(loop, 0) + 1
        (self.folder / f"{loop}-{self.next[loop]:08d}.j").write_bytes(MAGIC + b"".join(records) + tail)


def shuffled(chance: random.Random, items):
    items = list(items)
    chance.shuffle(items)
    return items
