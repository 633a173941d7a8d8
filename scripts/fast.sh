#!/usr/bin/env bash
# The development loop: a debug build of the targets that need no package of others, and their tests. The first time takes a
# minute or two, later ones seconds. FILTER chooses tests, as in `swift test --filter`; without it, suites that play thousands of
# seeds are left to `make unit`.
# A package of its own in .build/fast, made of Package.swift and scripts/fast.swift, sees this tree through links.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder="$PWD/.build/fast"
mkdir -p "$folder"
ln --symbolic --force --no-dereference ../../Sources ../../Tests "$folder"
{ cat Package.swift; echo; cat scripts/fast.swift; } >"$folder/Package.new"
# An unchanged manifest keeps its time.
cmp --silent "$folder/Package.new" "$folder/Package.swift" || mv "$folder/Package.new" "$folder/Package.swift"

started=$SECONDS
options=(--package-path "$folder" --configuration debug --disable-xctest)
if [ -n "${FILTER:-}" ]; then
    options+=(--filter "$FILTER")
else
    options+=(--skip 'WalkSimulationTests|PlantedBugTests|WalkReachTests|RoutingSimulationTests')
fi
swift test "${options[@]}"
echo "took $((SECONDS - started)) s"
