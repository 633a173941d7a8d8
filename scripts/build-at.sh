#!/usr/bin/env bash
# Builds a commit beside this tree, in .build-at/COMMIT, and prints the folder of its binaries.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$#" = 1 ] || { echo "usage: scripts/build-at.sh COMMIT" >&2; exit 64; }
commit="$(git rev-parse --verify --short=7 "$1^{commit}")"
tree="$PWD/.build-at/$commit"
[ -d "$tree" ] || git worktree add --detach "$tree" "$commit" >&2
[ -x "$tree/.build/release/aihub-worker" ] || swift build --package-path "$tree" --configuration release >&2
echo "$tree/.build/release"
