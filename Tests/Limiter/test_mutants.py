"""Checks the simulation: it must catch each bug planted in the library or in an actor."""

import pytest
from expected_state import Violation
from lua_host import library
from mutants import EDITS, EMPHASIS, SWITCHES, planted
from simulation import Simulation

SEEDS_MAX = 300


def is_caught(**planted_in):
    for seed in range(SEEDS_MAX):
        try:
            Simulation(seed, **planted_in).run()
        except Violation as violation:
            print(f"seed {seed}: {violation}")
            return True
    return False


@pytest.mark.parametrize("bug", EDITS)
def test_catches_in_the_library(bug):
    assert is_caught(text=planted(library(), bug), emphasis=EMPHASIS.get(bug)), f"not seen: {bug}"


@pytest.mark.parametrize("bug", SWITCHES)
def test_catches_in_an_actor(bug):
    assert is_caught(switches=[SWITCHES[bug]], emphasis=EMPHASIS.get(bug)), f"not seen: {bug}"
