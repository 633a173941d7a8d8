#!/usr/bin/env bash
# Style that a machine can keep: no print, no try!, no force casts, no FIXME, no function past 70 lines, its signature counted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHONPATH=scripts PYTHONDONTWRITEBYTECODE=1 python3 - <<'TXT'
import pathlib, re, sys
from swift_text import functions, plain

FORBIDDEN = re.compile(r"(^|[^A-Za-z_.])print\(|try!|\bas! |fatalError\(|FIXME|\bTODO\b(?!\(#\d+\))")
LINES_MAX = 70
flaws = []
for file in sorted(pathlib.Path("Sources").rglob("*.swift")):
    text = file.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        if FORBIDDEN.search(line) and "Control/Control.swift" not in str(file):
            flaws.append(f"{file}:{number}: {line.strip()}")
    for start, end in functions(plain(text)):
        if end - start + 1 > LINES_MAX:
            flaws.append(f"{file}:{start}: function of {end - start + 1} lines")
print("\n".join(flaws) or "tidy")
sys.exit(bool(flaws))
TXT
