# Shared by deploy/run and deploy/test: where things are, how to say what happens.
# shellcheck shell=bash disable=SC2034

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
LOCAL="$ROOT/.local"
BINARIES="$ROOT/.build/release"
VENV="$LOCAL/venv"

step() {
    printf '\033[1m==>\033[0m %s\n' "$*" >&2
    STEPS+=("$SECONDS $*")
}
STEPS=()

# How long each step before the last one took.
step_minutes() {
    local at tenths
    for ((at = 0; at + 1 < ${#STEPS[@]}; at++)); do
        tenths=$(((${STEPS[at + 1]%% *} - ${STEPS[at]%% *}) / 6))
        printf '    %3d.%d min  %s\n' $((tenths / 10)) $((tenths % 10)) "${STEPS[at]#* }" >&2
    done
}

note() { printf '    %s\n' "$*" >&2; }
fatal() { printf 'aihub: %s\n' "$*" >&2; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }

# Runs a long command quietly: a dot every few seconds, its output in a log that is shown when it fails.
with_progress() {
    local log="$1" pid status=0
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    # shellcheck disable=SC2064
    trap "kill $pid 2>/dev/null; exit 130" INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 3
        if [ -t 2 ]; then printf '\r    %s  ' "$(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)" >&2; else printf '.' >&2; fi
    done
    wait "$pid" || status=$?
    trap - INT TERM
    printf '\n' >&2
    [ "$status" = 0 ] || { tail -n 40 "$log" >&2; fatal "failed: $* (all of its output: $log)"; }
}

# Waits until a command succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1)) what="$2"
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fatal "$what did not come up in time; its log is in $LOCAL/logs"
        sleep 0.1
    done
}

# Makes a random password in a file that only the services' user can read, unless one stands there.
keep_password() {
    [ -s "$1" ] || head -c 24 /dev/urandom | base64 | tr -d '/+=\n' | keep_private "$1"
}

# The password in use in a file that `aihub-control secrets rotate` may have changed.
current_password() { tail -n 1 "$1" | sed -E 's/^[0-9]+:([A-Za-z0-9+/]{43}=)$/\1/'; }

http_ok() { curl --silent --fail --max-time 2 --output /dev/null "$1"; }
