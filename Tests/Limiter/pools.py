"""How the control planes divide a pool: this shard's share, and the others as one number.

Durable state is in `Ledger`.
"""

from network import key_of

POOL = "pool:p"


class Shares:
    """The database rows: the bound of this shard's share of a day, and of all others."""

    def __init__(self, ceiling):
        self.ceiling, self.days = ceiling, {}

    def row(self, day):
        """[bound, version, others] of a day, which begins with two halves."""
        return self.days.setdefault(day, [self.ceiling // 2, 1, self.ceiling // 2])

    def bound(self, day):
        return self.row(day)[0]

    def note(self, day, version, held):
        row = self.row(day)
        if row[1] == version:
            row[0] = min(row[0], held)

    def raise_version(self, day):
        self.row(day)[1] += 1
        return tuple(self.row(day)[:2])

    def grow(self, day, version, by):
        """Grows the bound as far as the others leave room; None without room or if another control plane was faster."""
        row = self.row(day)
        by = min(by, self.ceiling - row[0] - row[2])
        if row[1] != version or by <= 0:
            return None
        row[0], row[1] = row[0] + by, row[1] + 1
        return tuple(row[:2])

    def others_move(self, random):
        """The other shards release or take free budget."""
        for row in self.days.values():
            if random.random() < 0.5:
                row[2] = random.randint(0, row[2])
            else:
                row[2] += random.randint(0, self.ceiling - row[0] - row[2])


class Sharing:
    """One round of a control plane in steps; anything may happen between them."""

    def note(self, day, version, held):
        self.ledger.shares.note(day, version, held)
        self.world.store.contract.judge_share(day)

    def share_out(self):
        shares, world = self.ledger.shares, self.world
        keys = [key_of("c"), key_of("b", POOL)]
        state = [int(part) if part.isdigit() else part.decode() for part in self.call("pool", keys, POOL)]
        day, used, version, held = state[1], state[3], int(state[5]), state[6]
        confirmed, confirmation = state[7], state[11]
        row = shares.row(day)
        yield

        def send_share(bound, version):
            self.call("share", keys, POOL, day, version, bound, 0, confirmation, 0)

        if version == row[1] and held < row[0]:
            self.note(day, version, held)
        elif version < 0 or confirmed != confirmation:
            named = shares.raise_version(day) if not world.has("confirm without a new version") else tuple(row[:2])
            yield
            send_share(*named)
        elif version < row[1]:
            send_share(*row[:2])
        elif world.random.random() < 0.5:
            _, version = shares.raise_version(day)
            yield
            wanted = world.random.choice((0, used, used + world.unit * 100))
            if world.has("note a reduction before it is made"):
                self.note(day, version, max(wanted, used))
                yield
            reply = self.call("share", keys, POOL, day, version, wanted, 0, confirmation, 1)
            for _ in range(world.random.choice((1, 1, 2, 6))):  # Another control plane may be faster.
                yield
            if reply[0] == 0:
                self.note(day, version, int(reply[2]))
                world.count("shrunk")
        else:
            by = world.unit * world.random.choice((100, 300, 1000))
            if world.has("grow in Redis first"):
                send_share(row[0] + by, row[1] + 1)
                yield
            named = shares.grow(day, row[1], by)
            yield
            if named:
                send_share(*named)
                world.count("grown")
