# The gateway itself: ports, settings, start, and what is told at the end.
# shellcheck shell=bash

set_ports() {
    WORKER_PORT="${AIHUB_PORT:-8080}" WORKER_PORT_2="${AIHUB_PORT_2:-8081}" ADMIN_PORT="${AIHUB_ADMIN_PORT:-8090}"
    OPERATIONS_PORT="${AIHUB_OPERATIONS_PORT:-9080}" POSTGRES_PORT="${POSTGRES_PORT:-54320}"
    REDIS_STATE_PORT="${REDIS_STATE_PORT:-63790}" REDIS_CACHE_PORT="${REDIS_CACHE_PORT:-63791}"
    LOCAL_MODEL_PORT="${LOCAL_MODEL_PORT:-8085}" LOCAL_EMBEDDING_PORT=$((${LOCAL_MODEL_PORT:-8085} + 1))
    POSTGRES_URL="postgresql://aihub@127.0.0.1:$POSTGRES_PORT/aihub"
    SECRETS="$LOCAL/secrets"
}

require_ports() {
    require_port "$WORKER_PORT" "worker 1" AIHUB_PORT
    require_port "$WORKER_PORT_2" "worker 2" AIHUB_PORT_2
    require_port "$ADMIN_PORT" "admin API" AIHUB_ADMIN_PORT
    require_port "$OPERATIONS_PORT" "operations of worker 1" AIHUB_OPERATIONS_PORT
    require_port $((OPERATIONS_PORT + 1)) "operations of worker 2" AIHUB_OPERATIONS_PORT
    require_port $((OPERATIONS_PORT + 2)) "operations of control" AIHUB_OPERATIONS_PORT
    require_port "$POSTGRES_PORT" PostgreSQL POSTGRES_PORT
    require_port "$REDIS_STATE_PORT" "state Redis" REDIS_STATE_PORT
    require_port "$REDIS_CACHE_PORT" "cache Redis" REDIS_CACHE_PORT
    require_port "$LOCAL_MODEL_PORT" "local model" LOCAL_MODEL_PORT
    require_port "$LOCAL_EMBEDDING_PORT" "embeddings of the local model" LOCAL_MODEL_PORT
}

# redis_url USER: the state Redis as one of its users.
redis_url() { echo "redis://$1:$(current_password "$SECRETS/redis-$1")@127.0.0.1:$REDIS_STATE_PORT"; }

control() {
    local secrets="$SERVED/.local/secrets"
    AIHUB_CONTROL_PORT="$ADMIN_PORT" AIHUB_CONTROL_OPERATIONS_PORT=$((OPERATIONS_PORT + 2)) \
        AIHUB_CONTROL_POSTGRES_URL="$POSTGRES_URL" AIHUB_CONTROL_REDIS_URL="redis://cp@127.0.0.1:$REDIS_STATE_PORT" \
        AIHUB_CONTROL_REDIS_PASSWORD_FILE="$secrets/redis-cp" \
        AIHUB_CONTROL_PEPPER_FILE="$secrets/pepper" AIHUB_CONTROL_SEAL_KEY_FILE="$secrets/seal-key" \
        AIHUB_CONTROL_KEK_FILE="$secrets/kek" AIHUB_CONTROL_ADMIN_TOKEN_FILE="$secrets/admin-token" \
        AIHUB_CONTROL_SQL_FOLDER="$SERVED/sql/migrations" "$@"
}

# aihub_control ARGUMENT...: a chore of the control plane.
aihub_control() { control as_service "$SERVED/.build/release/aihub-control" "$@"; }

# worker NUMBER PORT
start_worker() {
    AIHUB_WORKER_PORT="$2" AIHUB_WORKER_OPERATIONS_PORT=$((OPERATIONS_PORT + $1 - 1)) AIHUB_WORKER_REDIS_URL="redis://dp@127.0.0.1:$REDIS_STATE_PORT" \
        AIHUB_WORKER_REDIS_PASSWORD_FILE="$SERVED/.local/secrets/redis-dp" \
        AIHUB_WORKER_CACHE_REDIS_URL="redis://127.0.0.1:$REDIS_CACHE_PORT" \
        AIHUB_WORKER_PEPPER_FILE="$SERVED/.local/secrets/pepper" AIHUB_WORKER_SEAL_KEY_FILE="$SERVED/.local/secrets/seal-key" \
        AIHUB_WORKER_STATE_FOLDER="$SERVED/.local/worker-$1" AIHUB_WORKER_LISTENER_GRACE_SECONDS=0 \
        AIHUB_WORKER_DRAIN_SECONDS=5 start_service "worker-$1" TERM "${AS_SERVICE[@]}" "$SERVED/.build/release/aihub-worker"
}

load_catalogue() {
    local vendor key files=("$SERVED/deploy/catalogue/models.yaml" "$SERVED/.local/local.yaml")
    sed "s/@LOCAL_MODEL_PORT@/$LOCAL_MODEL_PORT/; s/@LOCAL_EMBEDDING_PORT@/$LOCAL_EMBEDDING_PORT/" "$ROOT/deploy/catalogue/local.yaml" >"$LOCAL/local.yaml"
    for vendor in openai anthropic google xai mistral groq deepseek together alibaba openrouter; do
        key="${vendor^^}_API_KEY"
        if [ -n "${!key:-}" ]; then
            note "$key is set: $vendor answers the aliases that name its models"
            files+=("$SERVED/deploy/catalogue/$vendor.yaml")
        fi
    done
    LOCAL_API_KEY="$LOCAL_API_KEY" aihub_control load "${files[@]}"
}

start_local_model() {
    LOCAL_API_KEY="$LOCAL_API_KEY" start_service local-model TERM "${AS_SERVICE[@]}" \
        "$SERVED/.local/venv/bin/python" "$SERVED/deploy/local-model.py" "$LOCAL_MODEL_PORT"
}

start_gateway() {
    keep_password "$SECRETS/local-model"
    LOCAL_API_KEY="$(cat "$SECRETS/local-model")"
    start_local_model
    aihub_control init-secrets "$SERVED/.local/secrets"
    aihub_control migrate | sed 's/^/    /' >&2
    load_catalogue
    control start_service control TERM "${AS_SERVICE[@]}" "$SERVED/.build/release/aihub-control" serve
    wait_for 30 "the control plane" http_ok "http://127.0.0.1:$((OPERATIONS_PORT + 2))/readyz"
    start_worker 1 "$WORKER_PORT"
    start_worker 2 "$WORKER_PORT_2"
    wait_for 30 "worker 1" http_ok "http://127.0.0.1:$OPERATIONS_PORT/readyz"
    wait_for 30 "worker 2" http_ok "http://127.0.0.1:$((OPERATIONS_PORT + 1))/readyz"
    wait_for 120 "the local model" http_ok "http://127.0.0.1:$LOCAL_MODEL_PORT/health"
    # The token is kept in a file beside the database; whoever lost the one gets another.
    [ -s "$SECRETS/admin-token" ] || aihub_control admin-token --reset >/dev/null
    check_services
}

# bearer FILE: the header with a secret in it, for curl to read: everybody may see a command line.
bearer() { printf 'Authorization: Bearer %s' "$(cat "$1")"; }

admin() { # METHOD PATH BODY
    curl --silent --show-error --fail-with-body --request "$1" --data "$3" \
        --header @<(bearer "$SECRETS/admin-token") "http://127.0.0.1:$ADMIN_PORT/admin/v1$2"
}

key_works() {
    [ -s "$SECRETS/first-key" ] && curl --silent --fail --output /dev/null \
        --header @<(bearer "$SECRETS/first-key") "http://127.0.0.1:$WORKER_PORT/v1/me"
}

# A key on the unlimited plan, made once and kept in a file only this user can read.
first_key() {
    if ! key_works; then
        local org
        org="$(admin POST /orgs '{"name":"first","plan":"unlimited"}' | "$VENV/bin/python" -c 'import json,sys; print(json.load(sys.stdin)["id"])')"
        admin POST /keys "{\"org_id\":\"$org\",\"name\":\"first\"}" |
            "$VENV/bin/python" -c 'import json,sys; print(json.load(sys.stdin)["key"])' | keep_private "$SECRETS/first-key"
    fi
    cat "$SECRETS/first-key"
}

write_env() {
    AIHUB_API_KEY="$(first_key)"
    (umask 077 && cat >"$LOCAL/env" <<TXT
export AIHUB_BASE_URL=http://127.0.0.1:$WORKER_PORT/v1
export AIHUB_BASE_URL_2=http://127.0.0.1:$WORKER_PORT_2/v1
export AIHUB_API_KEY=$AIHUB_API_KEY
export AIHUB_ADMIN_URL=http://127.0.0.1:$ADMIN_PORT/admin/v1
export AIHUB_ADMIN_TOKEN=$(cat "$SECRETS/admin-token")
export AIHUB_POSTGRES_URL=$POSTGRES_URL
export AIHUB_REDIS_URL=$(redis_url cp)
TXT
    )
    chmod 600 "$LOCAL/env"
    set -a
    # shellcheck disable=SC1091
    source "$LOCAL/env"
    set +a
}

show_addresses() {
    cat <<TXT

The gateway runs. Point any OpenAI client at it:
  base URL   $AIHUB_BASE_URL   (second worker: $AIHUB_BASE_URL_2)
  key        $AIHUB_API_KEY

  curl $AIHUB_BASE_URL/chat/completions -H "Authorization: Bearer $AIHUB_API_KEY" \\
    -H "Content-Type: application/json" -d '{"model":"smart","messages":[{"role":"user","content":"Hello!"}]}'

  admin API  $AIHUB_ADMIN_URL   (token in .local/secrets/admin-token; its description: $AIHUB_ADMIN_URL/openapi.yaml)
  psql       psql $AIHUB_POSTGRES_URL -c 'select * from key_status'
  all of it  source .local/env        logs: .local/logs

Ctrl-C ends everything; the data stays and the next start takes seconds.
TXT
}
