#!/usr/bin/env bash
# Starts what deploy/run starts, with the scripted provider in place of the local model, whose weights are not there; says which processes
# they are, and ends them when its input ends: start_services.sh TREE
set -euo pipefail
cd "$1"
for part in common install user services gateway; do
    # shellcheck disable=SC1090
    source "deploy/lib/$part.sh"
done
start_local_model() {
    start_service local-model TERM "${AS_SERVICE[@]}" "$SERVED/.build/release/scripted-provider" "$LOCAL_MODEL_PORT"
}
umask 022
mkdir -p "$LOCAL/logs"
set_ports
trap stop_services EXIT
prepare_service_user
start_postgres
start_redis
start_gateway
write_env
for at in "${!SERVICE_PIDS[@]}"; do echo "${SERVICE_NAMES[at]} ${SERVICE_PIDS[at]}"; done
echo all
read -r _ || true
