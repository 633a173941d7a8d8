import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from stack import Stack  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """AIHUB_FAULT_GROUP selects tests: part of a file's name, a row, or the letter of rows."""
    group = os.environ.get("AIHUB_FAULT_GROUP")
    if group:
        others = [item for item in items if not is_in(group, item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def is_in(group, item):
    marker = item.get_closest_marker("row")
    row = marker.args[0] if marker else ""
    return group in item.path.stem or group in (row, row[:1])


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
