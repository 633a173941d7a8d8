# Compiles what reads bytes from outside, without SwiftPM and the packages of others: for fuzzing and for counting instructions.
# Sourced, with `out` (a folder) and FLAGS (of swiftc) set; `build_modules` leaves out/modules/*.o and *.swiftmodule.
# shellcheck shell=bash disable=SC2034,SC2154 # the variables are set and used by the script that sources this

COMMON_FLAGS=(
    -swift-version 6 -O -wmo -parse-as-library -use-ld=lld -package-name aihub
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

# module NAME FILE…: compiles one module as SwiftPM would, but with these flags.
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
build_modules() {
    local shared=Sources/Shared plane=Sources/DataPlane lua="$out/PackageResources.swift"
    mkdir -p "$out/modules"
    printf 'enum PackageResources {\n%s\n}\n' \
        "$(basename --suffix .lua --multiple $shared/LimitScripts/Lua/*.lua | sed 's/.*/    static let &_lua: [UInt8] = []/')" >"$lua"
    wave "GatewayModel $shared/GatewayModel/*.swift" "JSONScan $shared/JSONScan/*.swift" \
        "EventStream $plane/EventStream/*.swift" "LimitScripts $shared/LimitScripts/*.swift $lua" \
        "Crypto Tests/Fuzz/StandIn/Crypto.swift"
    wave "PlaneContract $shared/PlaneContract/*.swift" "KeyMaterial $shared/KeyMaterial/HubKey.swift" \
        "HTTPCodec $plane/HTTPCodec/*.swift" "ProviderResponses $plane/ProviderResponses/*.swift" \
        "InboundFormats $plane/InboundFormats/*.swift" \
        "Redis $shared/Redis/RESP*.swift"
    wave "Translation $plane/Translation/*.swift"
    wave "Routing $shared/Routing/*.swift" "Admission $plane/Admission/*.swift" \
        "ResponseCache $plane/ResponseCache/*.swift"
    wave "RequestWalk $plane/RequestWalk/*.swift $plane/RequestWalk/*/*.swift"
}

# is_stale PROGRAM FOLDER SCRIPT: whether the program is older than what it is made of.
is_stale() {
    [ ! -e "$1" ] || [ -n "$(find Sources "$2"/*.swift Tests/Fuzz/StandIn scripts/modules.sh "$3" -newer "$1" -print -quit)" ]
}
