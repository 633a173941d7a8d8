# Starts the private services of deploy/run and ends them in reverse order, each by the pid it was started with.
# shellcheck shell=bash

declare -a SERVICE_NAMES=() SERVICE_PIDS=() SERVICE_SIGNALS=()

# require_port PORT NAME VARIABLE: says who is in the way.
require_port() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        fatal "port $1 ($2) is busy; end what listens there, or choose another: $3=NUMBER ./deploy/run"
    fi
}

# start_service NAME STOP_SIGNAL COMMAND...
start_service() {
    local name="$1" signal="$2"
    shift 2
    # A session of its own: Ctrl-C reaches this script alone, which ends the services in order.
    setsid "$@" >>"$LOCAL/logs/$name.log" 2>&1 </dev/null &
    SERVICE_NAMES+=("$name") SERVICE_PIDS+=($!) SERVICE_SIGNALS+=("$signal")
}

# How long a service may take to end before it is killed, in tenths of a second.
STOP_TENTHS=150

stop_services() {
    local at tenths
    for ((at = ${#SERVICE_PIDS[@]} - 1; at >= 0; at--)); do
        kill "-${SERVICE_SIGNALS[at]}" "${SERVICE_PIDS[at]}" 2>/dev/null || continue
        for ((tenths = 0; tenths < STOP_TENTHS; tenths++)); do
            kill -0 "${SERVICE_PIDS[at]}" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "${SERVICE_PIDS[at]}" 2>/dev/null || true
        wait "${SERVICE_PIDS[at]}" 2>/dev/null || true
    done
    SERVICE_PIDS=() SERVICE_NAMES=() SERVICE_SIGNALS=()
}

# Fails when a service has ended by itself.
check_services() {
    local at
    for at in "${!SERVICE_PIDS[@]}"; do
        kill -0 "${SERVICE_PIDS[at]}" 2>/dev/null || {
            tail -n 15 "$LOCAL/logs/${SERVICE_NAMES[at]}.log" >&2
            fatal "${SERVICE_NAMES[at]} ended; its log: $LOCAL/logs/${SERVICE_NAMES[at]}.log"
        }
    done
}

# Runs a PostgreSQL program as the user who owns the cluster: PostgreSQL refuses to run as root.
as_postgres() {
    if is_root; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

# Where the cluster lives: under .local, or, when root runs this in a folder that the user postgres cannot enter, in that
# user's home.
postgres_folder() {
    local folder="$LOCAL/postgres"
    if is_root && ! as_postgres test -x "$ROOT"; then
        folder="/var/lib/postgresql/aihub-$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)"
    fi
    echo "$folder"
}

start_postgres() {
    local folder bin
    folder="$(postgres_folder)"
    bin="$(dirname "$(find /usr/lib/postgresql -path '*/bin/postgres' | sort --version-sort | tail -n 1)")"
    if [ ! -f "$folder/PG_VERSION" ]; then
        mkdir -p "$folder"
        if is_root; then chown postgres: "$folder"; fi
        as_postgres "$bin/initdb" --pgdata "$folder" --username aihub --auth trust --encoding UTF8 --locale C.UTF-8 \
            >"$LOCAL/logs/initdb.log" 2>&1 || fatal "initdb failed: $LOCAL/logs/initdb.log"
    fi
    cd "$folder" || fatal "cannot enter $folder"
    if is_root; then
        start_service postgres INT setpriv --reuid=postgres --regid=postgres --clear-groups \
            "$bin/postgres" -D "$folder" -p "$POSTGRES_PORT" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$folder"
    else
        start_service postgres INT "$bin/postgres" -D "$folder" -p "$POSTGRES_PORT" -c listen_addresses=127.0.0.1 \
            -c "unix_socket_directories=$folder"
    fi
    cd "$ROOT" || fatal "cannot enter $ROOT"
    wait_for 60 PostgreSQL "$bin/pg_isready" --quiet --host 127.0.0.1 --port "$POSTGRES_PORT"
    "$bin/psql" --quiet --no-psqlrc --tuples-only --dbname "${POSTGRES_URL%/*}/postgres" \
        --command "select 1 from pg_database where datname = 'aihub'" | grep -q 1 ||
        "$bin/createdb" --host 127.0.0.1 --port "$POSTGRES_PORT" --username aihub aihub
}

# A power cut can tear the end of the append-only file off inside a transaction; Redis would apply half of it and stumble
# over the rest at the start after next. Repaired before every start.
repair_aof() {
    local manifest="$1/appendonlydir/appendonly.aof.manifest"
    [ ! -f "$manifest" ] || (cd "$1/appendonlydir" && yes | as_service redis-check-aof --fix appendonly.aof.manifest) \
        >>"$LOCAL/logs/redis-check-aof.log" 2>&1 || true
}

# The users of the state Redis: dp for workers, cp for the control plane, nobody else.
make_redis_users() {
    keep_password "$SECRETS/redis-dp"
    keep_password "$SECRETS/redis-cp"
    keep_password "$SECRETS/redis-rotator"
    "$ROOT/deploy/redis/users.sh" "$SECRETS/redis-dp" "$SECRETS/redis-cp" "$SECRETS/redis-rotator" |
        keep_private "$LOCAL/redis-state/users.acl"
}

state_redis_answers() {
    REDISCLI_AUTH="$(current_password "$SECRETS/redis-cp")" redis-cli --user cp -p "$REDIS_STATE_PORT" ping | grep -q '^PONG$'
}

start_redis() {
    make_redis_users
    repair_aof "$LOCAL/redis-state"
    start_service redis-state TERM "${AS_SERVICE[@]}" redis-server "$SERVED/deploy/redis/state.conf" --port "$REDIS_STATE_PORT" \
        --dir "$SERVED/.local/redis-state" --aclfile "$SERVED/.local/redis-state/users.acl"
    start_service redis-cache TERM "${AS_SERVICE[@]}" redis-server "$SERVED/deploy/redis/cache.conf" --port "$REDIS_CACHE_PORT" \
        --dir "$SERVED/.local/redis-cache"
    wait_for 60 "the state Redis" state_redis_answers
    wait_for 10 "the cache Redis" redis-cli -p "$REDIS_CACHE_PORT" ping
}
