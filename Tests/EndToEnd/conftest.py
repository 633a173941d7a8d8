import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack():
    made = Stack()
    yield made
    made.close()


@pytest.fixture
def own_stack():
    """A stack for tests that break it."""
    made = Stack()
    yield made
    made.close()


@pytest.fixture(scope="session")
def key(stack):
    return stack.new_key()["key"]
