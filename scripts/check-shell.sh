#!/usr/bin/env bash
# ShellCheck (Debian: shellcheck) over every shell script of the project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t scripts < <(find .ci deploy scripts Tests Benchmarks -type f -not -path '*/.build/*' \
    -exec grep --files-with-matches --max-count=1 --extended-regexp '^#!.*\b(ba)?sh$|^# shellcheck shell=' {} +)
shellcheck --external-sources --source-path=SCRIPTDIR/.. --source-path=. "${scripts[@]}"
echo "ShellCheck finds nothing in ${#scripts[@]} scripts"
