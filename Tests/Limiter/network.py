"""Redis as the actors see it: calls arrive late, twice, out of order or never, and replies get lost."""

import collections

from contract import Contract
from expected_state import demand
from lua_host import LuaHost
from redis_model import RedisModel

SHARD = "{s07}"
# The longest tail that Redis loses; workers keep their settles longer than that.
LOST_MS = 20_000
# Functions for the control plane only, which take the shard's c: as their first key.
FENCED = {"count", "barrier", "close", "clear", "seed", "entomb", "at_least"}


def key_of(kind, name=None):
    return f"{kind}:{SHARD}" + (f":{name}" if name else "")


class Store:
    """The model running the real library, and the expected state; both lose the same calls."""

    def __init__(self, limits, patience_ms, now_ms, text=None):
        self.redis = RedisModel(now_ms)
        self.lua = LuaHost(self.redis, text)
        self.contract = Contract(self.redis, limits, patience_ms)
        self.run_number, self.up, self.marks, self.age_ms = 1, True, [], 0
        self.redis.run = self.run.encode()
        self.last_calls = collections.deque(maxlen=40)

    @property
    def run(self):
        return f"run{self.run_number}"

    def call(self, name, keys, args):
        self.marks.append((self.redis.snapshot(), self.age_ms))
        before = self.redis.writes
        named = [key_of("c"), *keys] if name in FENCED else keys
        reply = self.lua.fcall("gw2_" + name, named, [self.encoded(value) for value in args])
        said = [value for value in args if not isinstance(value, Limits)]
        self.last_calls.append((self.redis.now_ms, name, keys[0], said, reply))
        self.contract.observe(name, keys, args, reply, self.redis.writes != before)
        return reply

    @staticmethod
    def encoded(value):
        return value.packed if isinstance(value, Limits) else value

    def begin_process(self, lost_calls):
        """A restart or a failover: a new process without the last calls."""
        while lost_calls and self.marks and self.age_ms - self.marks[-1][1] < LOST_MS:
            self.redis.restore(self.marks.pop()[0])
            lost_calls -= 1
        del self.marks[:-500]
        self.run_number += 1
        self.redis.run = self.run.encode()

    def flush(self):
        self.redis.flush()
        self.contract.flush()


class Limits(list):
    """(name, version) per scope for the expected state, with the MessagePack for the library."""

    def __init__(self, names, packed):
        super().__init__(names)
        self.packed = packed


class Message:
    __slots__ = ("name", "keys", "args", "on_reply", "on_lost")

    def __init__(self, *parts):
        self.name, self.keys, self.args, self.on_reply, self.on_lost = parts


def nothing(*_):
    pass


class Network:
    def __init__(self, store, random):
        self.store, self.random, self.pending, self.is_faulty = store, random, [], True

    def send(self, name, keys, args, on_reply=nothing, on_lost=nothing):
        self.pending.append(Message(name, keys, args, on_reply, on_lost))

    def deliver(self):
        """Delivers, delays, repeats or loses one message."""
        if not self.pending:
            return
        at = self.random.randrange(len(self.pending)) if self.is_faulty else 0
        message = self.pending.pop(at)
        if not self.store.up:
            return message.on_lost()
        fate = self.random.random() if self.is_faulty else 1
        if fate < 0.03:
            return message.on_lost()
        if fate < 0.06:  # It arrives after its sender has given up.
            self.pending.append(Message(message.name, message.keys, message.args, nothing, nothing))
            return message.on_lost()
        reply = self.store.call(message.name, message.keys, message.args)
        # Only the worker itself repeats an admit, since it must then be ready to cancel it.
        if fate < 0.09 and message.name != "admit":
            self.pending.append(Message(message.name, message.keys, message.args, nothing, nothing))
        if fate < 0.12:
            return message.on_lost()
        message.on_reply(reply)

    def settle_down(self, bound=20_000):
        """Delivers all pending messages and those they cause."""
        while self.pending:
            bound -= 1
            demand(bound > 0, "messages without end")
            self.deliver()
