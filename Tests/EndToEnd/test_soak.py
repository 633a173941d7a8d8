"""Twenty seconds of the soak's load and a minute to quiet down: its whole verdict except long-term memory growth."""

import asyncio

import pytest

from soak import SETTINGS, Soak
from stack import Stack

#: Pools fill during a worker's first seconds; the long run measures what follows.
GROWTH_MIB_MAX = 24


@pytest.fixture
def fresh_stack():
    made = Stack(workers=1, **SETTINGS)
    yield made
    made.close()


def test_a_short_soak_leaves_nothing_behind(fresh_stack):
    soak = Soak(fresh_stack, seconds=20, sample_seconds=1)
    verdict = asyncio.run(soak.run())
    assert [line for line in verdict[1:] if not line[1]] == []
    first, last, _ = soak.growth()
    assert last - first < GROWTH_MIB_MAX
