#!/usr/bin/env bash
# Talks to what ./deploy/run started from this tree, on the ports it was given (POSTGRES_PORT and the others, as there).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source deploy/lib/common.sh
source deploy/lib/gateway.sh

usage() {
    cat >&2 <<'TXT'
usage: scripts/services.sh psql [ARGUMENT…]             the database aihub
       scripts/services.sh redis-cli [ARGUMENT…]        the state Redis as the control plane's user; REDIS=cache: the cache Redis
       scripts/services.sh logs [SERVICE…]              follows the logs; control, worker-1 and worker-2 unless told otherwise
TXT
    exit 64
}

# The password goes by the environment: everybody may see a command line.
redis() {
    [ "${REDIS:-state}" != cache ] || exec redis-cli -p "$REDIS_CACHE_PORT" "$@"
    [ -r "$SECRETS/redis-cp" ] || fatal "cannot read $SECRETS/redis-cp: run ./deploy/run first, and this as the same user"
    REDISCLI_AUTH="$(current_password "$SECRETS/redis-cp")" exec redis-cli --user cp --no-auth-warning -p "$REDIS_STATE_PORT" "$@"
}

logs() {
    local files=() service
    [ "$#" != 0 ] || set -- control worker-1 worker-2
    for service in "$@"; do
        [ -f "$LOCAL/logs/$service.log" ] || fatal "no log of $service; there are: $(cd "$LOCAL/logs" && echo *.log)"
        files+=("$LOCAL/logs/$service.log")
    done
    exec tail --lines 50 --follow=name "${files[@]}"
}

set_ports
case "${1:-}" in
    psql) shift && exec psql "$POSTGRES_URL" "$@" ;;
    redis-cli) shift && redis "$@" ;;
    logs) shift && logs "$@" ;;
    *) usage ;;
esac
