"""Answers against an OpenAPI file outside this tree: AIHUB_OPENAPI=FILE names it; without it nothing is tested."""

import os
import subprocess
import sys

import pytest

from client_rig import gateway  # noqa: F401
from processes import ROOT


@pytest.mark.parametrize("chat", ["smart", "tool", "cached"])
def test_answers_against_an_openapi_file(gateway, chat):
    path = os.environ.get("AIHUB_OPENAPI")
    if not path:
        pytest.skip("AIHUB_OPENAPI names no file")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "validate-openapi.py", path, chat, "numbers"], capture_output=True, text=True,
        timeout=300, env={**os.environ, "AIHUB_BASE_URL": gateway.base_url, "AIHUB_API_KEY": gateway.key})
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_file_the_script_says_so(gateway):
    done = subprocess.run([sys.executable, ROOT / "scripts" / "validate-openapi.py", "/nowhere.yaml"], capture_output=True, text=True)
    assert done.returncode == 1 and ("there is no /nowhere.yaml" in done.stderr or "pip install" in done.stderr)
