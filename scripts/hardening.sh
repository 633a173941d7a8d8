#!/usr/bin/env bash
# Attacks the built gateway with every row of Tests/Hardening. With a commit, first proves that each row is red on that
# commit's own binaries: it is built beside this tree, in .build-at/COMMIT.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    echo "usage: scripts/hardening.sh [COMMIT]      AIHUB_SEED=N repeats a run, ROWS=s03 chooses files" >&2
    exit 64
}
[ "$#" -le 1 ] || usage
python=.local/venv/bin/python
attack() { "$python" -m pytest Tests/Hardening --quiet -rA --capture=no -p no:cacheprovider ${ROWS:+-k "$ROWS"}; }

if [ -n "${1:-}" ]; then
    commit="$(git rev-parse --verify --short=7 "$1^{commit}")" || usage
    tree="$PWD/.build-at/$commit"
    [ -d "$tree" ] || git worktree add --detach "$tree" "$commit"
    [ -x "$tree/.build/release/aihub-worker" ] || swift build --package-path "$tree" --configuration release
    echo "==> each row on $commit: must be red" >&2
    AIHUB_EXPECT=red AIHUB_BINARIES="$tree/.build/release" AIHUB_TREE="$tree" attack
    echo "==> each row on this build: must be green" >&2
fi
attack
