import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "EndToEnd")]
from stack import Stack  # noqa: E402


@pytest.fixture(scope="module")
def stack():
    """A gateway for the rows of one file: a row may leave it in a bad state."""
    made = Stack(workers=1, FAILED_KEYS_PER_MINUTE=60, BUDGET_WAIT_MS=10_000)
    yield made
    made.close()
