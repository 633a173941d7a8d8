#!/usr/bin/env bash
# Counts the instructions that reading, translating and relaying take, with callgrind (Debian: valgrind), for everything that
# repeats in requests and answers: four times as much may cost at most six times as many (Tests/Growth/growth.py).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    echo "usage: scripts/growth.sh [KIB [NAME…]]      bodies of at most KIB KiB; the largest that are taken unless told otherwise" >&2
    exit 64
}
[[ "${1:-1}" =~ ^[0-9]+$ ]] || usage
out="$PWD/.build/growth"
program="$out/growth"
mkdir -p "$out"
source scripts/modules.sh
FLAGS=("${COMMON_FLAGS[@]}" -I "$out/modules")
if is_stale "$program" Tests/Growth scripts/growth.sh; then
    build_modules
    swiftc "${FLAGS[@]}" -module-name Growth Tests/Growth/*.swift "$out"/modules/*.o -lhiredis -o "$program"
fi
exec python3 Tests/Growth/growth.py "$program" "$@"
