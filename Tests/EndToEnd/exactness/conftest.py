"""Fixtures of the fault rows, and the table of them.

A test marked `@pytest.mark.row("W1", "kill -9 of a worker")` is a row; the texts it passes to `note` appear beside it.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import rig  # noqa: E402

_rows, _stack = [], {}


def pytest_configure(config):
    config.addinivalue_line("markers", "row(id, fault): a row of the table of faults")
    config.addinivalue_line("markers", "rig(workers, **settings): what the test's own gateway is like")


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", rig.SEEDS, ids=lambda seed: f"seed{seed}")


def give_back():
    if _stack:
        _stack.pop("made").close()
        _stack.clear()


@pytest.fixture
def made(request):
    """A gateway shared by a module's tests with the same options, until one fails and may have left it broken."""
    marker = request.node.get_closest_marker("rig")
    wishes = {"workers": 2, **(marker.kwargs if marker else {})}
    if _stack.get("for") != (request.module.__name__, wishes) or _stack["made"].spoilt:
        give_back()
        _stack.update(made=rig.FaultStack(**wishes), **{"for": (request.module.__name__, wishes)})
    stack = _stack["made"]
    yield stack
    failed = getattr(request.node, "failed", False)
    stack.spoilt = stack.spoilt or failed
    if not failed:
        stack.whole()


@pytest.fixture(scope="session", autouse=True)
def _the_last_stack_is_closed():
    yield
    give_back()


@pytest.fixture
def note(request):
    """Adds a text to this test's row of the table."""
    def add(text):
        print(f"\n{text}")
        request.node.user_properties.append(("note", text))

    return add


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        item.failed = True
    marker = item.get_closest_marker("row")
    if marker and (report.when == "call" or not report.passed):
        notes = "; ".join(text for name, text in item.user_properties if name == "note")
        case = item.name[item.name.index("[") + 1:-1] if "[" in item.name else ""
        words = "skipped" if report.skipped else "holds" if report.passed else "BROKEN"
        _rows.append((*marker.args, case, words, notes))


def pytest_terminal_summary(terminalreporter):
    if not _rows:
        return
    terminalreporter.section("faults")
    def order(row):
        return row[0][0], int(row[0][1:].rstrip("abc")), row[0], row[2]

    for id, fault, case, words, notes in sorted(_rows, key=order):
        terminalreporter.write_line(f"{id:4} {words:8} {fault:58} {case:24} {notes}")
