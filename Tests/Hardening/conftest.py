import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "EndToEnd")]
from stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    """One gateway for all rows that leave it unchanged. Requests wait for held money, as in production."""
    made = Stack(workers=1, FAILED_KEYS_PER_MINUTE=60, BUDGET_WAIT_MS=10_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def own_stack():
    """A gateway for the rows of one file, which break it or spend all its money. Requests do not wait for held
    money."""
    made = Stack(workers=1, FAILED_KEYS_PER_MINUTE=60)
    yield made
    made.close()
