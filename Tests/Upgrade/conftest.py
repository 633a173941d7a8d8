import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("EndToEnd", "EndToEnd/exactness", "Hardening"))]


def pytest_addoption(parser):
    parser.addoption("--all-recordings", action="store_true", help="take every recorded release over, not the oldest alone")
