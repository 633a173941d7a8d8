#!/usr/bin/env bash
# Coverage-guided fuzzing of everything that reads bytes from outside (Tests/Fuzz), with libFuzzer and AddressSanitizer,
# both part of the Swift toolchain: needs the Debian packages of the build and no others.
# A broken property, a crash, a hang of 5 s or 2 GiB of memory fails; the input is kept in .build/fuzz/found and named.
# What a run learned stays in .build/fuzz/corpus, and the next goes on from there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    echo "usage: scripts/fuzz.sh [SECONDS [TARGET…]]      5 seconds for each target unless told otherwise" >&2
    exit 64
}
seconds="${1:-5}"
[[ "$seconds" =~ ^[0-9]+$ ]] || usage
mapfile -t targets < <(sed --quiet 's/^    "\(.*\)": fuzz.*/\1/p' Tests/Fuzz/Main.swift)
[ "$#" -lt 2 ] || targets=("${@:2}")

out="$PWD/.build/fuzz"
program="$out/fuzz"
mkdir -p "$out/modules" "$out/found"
source scripts/modules.sh
FLAGS=("${COMMON_FLAGS[@]}" "-sanitize=fuzzer,address" -I "$out/modules")

build() {
    build_modules
    swiftc "${FLAGS[@]}" -module-name Fuzz Tests/Fuzz/*.swift "$out"/modules/*.o -lhiredis -o "$program"
}

# The outcome of one target, printed at once when it is over.
run() {
    local name="$1" log="$out/$1.log" status=0 options=()
    [ ! -f "Tests/Fuzz/corpus/$name.dict" ] || options+=("-dict=Tests/Fuzz/corpus/$name.dict")
    mkdir -p "$out/corpus/$name"
    # Swift's own crash handler would take the signals libFuzzer waits for.
    SWIFT_BACKTRACE=enable=no FUZZ_TARGET="$name" "$program" "${options[@]}" -max_total_time="$seconds" -timeout=5 \
        -rss_limit_mb=2048 -max_len=2048 -print_final_stats=1 -artifact_prefix="$out/found/$name-" \
        "$out/corpus/$name" "Tests/Fuzz/corpus/$name" >"$log" 2>&1 || status=$?
    awk -v name="$name" '/number_of_executed_units/ { n = $2 } /average_exec_per_sec/ { r = $2 } / cov: / { c = $4 }
        END { printf "%-12s %10d executions %8d/s %6d edges\n", name, n, r, c }' "$log"
    [ "$status" != 0 ] || return 0
    {
        echo "$name FAILED, see $log"
        grep --extended-regexp --max-count=4 'Fatal error|ERROR: |Test unit written' "$log" || true
    } >&2
    return 1
}

started=$SECONDS
if is_stale "$program" Tests/Fuzz scripts/fuzz.sh; then
    rm -f "$program"
    build
    echo "built in $((SECONDS - started)) s"
fi
for name in "${targets[@]}"; do job run "$name"; done
finish_jobs
[ "$failed" = 0 ] || { echo "$failed of ${#targets[@]} targets failed" >&2; exit 1; }
