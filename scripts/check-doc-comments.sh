#!/usr/bin/env bash
# A ratchet: of the functions that cross a target, the share with a doc comment may not fall below what scripts/doc-comments.txt
# says. Raise the number there when the share has risen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHONPATH=scripts PYTHONDONTWRITEBYTECODE=1 python3 - <<'TXT'
import pathlib, sys
from house import documented, share

total, told = documented(pathlib.Path("."), {"func"})
least = float(pathlib.Path("scripts/doc-comments.txt").read_text())
print(f"documented `package` functions: {share(total, told)}, at least {least} %")
sys.exit(100 * told / total < least)
TXT
