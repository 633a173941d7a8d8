#!/usr/bin/env bash
# Runs end-to-end tests on what is built: those of all files whose names begin with FILE, or of a folder of that name; EXPRESSION
# chooses among them as pytest's -k does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    echo "usage: scripts/e2e.sh FILE [EXPRESSION]      such as: test_limits per_day" >&2
    exit 64
}
[ "$#" = 1 ] || [ "$#" = 2 ] || usage

folders=(Tests/Limiter Tests/EndToEnd Tests/Money Tests/Upgrade Tests/Hardening)
mapfile -t found < <(find "${folders[@]}" \( -name "${1%.py}*.py" -name 'test_*' -o -type d -name "$1" \) | sort)
[ "${#found[@]}" != 0 ] || { echo "no test file begins with '$1'" >&2; exit 64; }
exec .local/venv/bin/python -m pytest "${found[@]}" ${2:+-k "$2"} --quiet -p no:cacheprovider
