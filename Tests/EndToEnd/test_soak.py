"""Twenty seconds of the soak's load, a minute until all is quiet: all of its verdict but the memory's long run."""

import asyncio

import pytest

from soak import SETTINGS, Soak
from stack import Stack

#: Pools fill during the first seconds of a worker; the long run looks at what comes after.
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
