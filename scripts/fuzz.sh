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
FLAGS=(
    -swift-version 6 -O -wmo -parse-as-library "-sanitize=fuzzer,address" -use-ld=lld -package-name aihub -I "$out/modules"
    -Xcc "-fmodule-map-file=$PWD/Sources/Shared/CHiredis/module.modulemap"
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature MemberImportVisibility
)

# No more jobs at once than processors; those that fail are counted.
pids=()
failed=0
job() {
    "$@" &
    pids+=($!)
    [ "${#pids[@]}" -lt "$(nproc)" ] || next_job
}
next_job() {
    wait "${pids[0]}" || failed=$((failed + 1))
    pids=("${pids[@]:1}")
}
finish_jobs() { while [ "${#pids[@]}" != 0 ]; do next_job; done; }

# module NAME FILE…: compiles one module as SwiftPM would, but instrumented.
module() {
    swiftc "${FLAGS[@]}" -module-name "$1" -emit-module -emit-module-path "$out/modules/$1.swiftmodule" \
        -c "${@:2}" -o "$out/modules/$1.o"
}

# Modules that stand on those before and not on each other.
wave() {
    local one
    # shellcheck disable=SC2086 # a name and patterns
    for one in "$@"; do job module $one; done
    finish_jobs
    [ "$failed" = 0 ] || exit 1
}

# Of KeyMaterial and Redis only what needs no other package is taken; the limiter's scripts are left out, and a stand-in does for
# cryptography.
build() {
    local shared=Sources/Shared plane=Sources/DataPlane lua="$out/PackageResources.swift"
    printf 'enum PackageResources {\n%s\n}\n' \
        "$(basename --suffix .lua --multiple $shared/LimitScripts/Lua/*.lua | sed 's/.*/    static let &_lua: [UInt8] = []/')" >"$lua"
    wave "GatewayModel $shared/GatewayModel/*.swift" "JSONScan $shared/JSONScan/*.swift" \
        "EventStream $plane/EventStream/*.swift" "LimitScripts $shared/LimitScripts/*.swift $lua" \
        "Crypto Tests/Fuzz/StandIn/Crypto.swift"
    wave "PlaneContract $shared/PlaneContract/*.swift" "KeyMaterial $shared/KeyMaterial/HubKey.swift" \
        "HTTPCodec $plane/HTTPCodec/*.swift" "ProviderSchemas $shared/ProviderSchemas/*.swift" \
        "ClientDialects $plane/ClientDialects/*.swift" \
        "Redis $shared/Redis/RESP*.swift"
    wave "Translation $shared/Translation/*.swift"
    wave "Routing $shared/Routing/*.swift" "Admission $plane/Admission/*.swift" \
        "ResponseCache $plane/ResponseCache/*.swift"
    wave "RequestWalk $plane/RequestWalk/*.swift"
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
if [ ! -e "$program" ] || [ -n "$(find Sources Tests/Fuzz/*.swift Tests/Fuzz/StandIn scripts/fuzz.sh -newer "$program" -print -quit)" ]; then
    rm -f "$program"
    build
    echo "built in $((SECONDS - started)) s"
fi
for name in "${targets[@]}"; do job run "$name"; done
finish_jobs
[ "$failed" = 0 ] || { echo "$failed of ${#targets[@]} targets failed" >&2; exit 1; }
