#!/usr/bin/env bash
# Kills, stops, wipes and cuts everything under load with production's time constants. All end-to-end tests judge the clock here
# (Tests/EndToEnd/clock.py), so nothing else may run on this machine. Last comes a marathon. All of it takes hours.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat >&2 <<'TXT'
usage: scripts/faults.sh      SEED=3 (or 1,2,3) chooses the seeds of the faults; 1,2,3 unless told otherwise
                              GROUP=… runs a part: `limiter` (its simulation), `marathon`, a part of a file's name (`redis`,
                              `slow`), a row (`R7b`) or a letter of rows (`W`)
TXT
    exit 64
}
seeds="${SEED:-1,2,3}" group="${GROUP:-}" python=.local/venv/bin/python
if [ "$#" != 0 ] || [[ ! "$seeds" =~ ^[0-9]+(,[0-9]+)*$ ]]; then usage; fi

runs() { [ -z "$group" ] || [ "$group" = "$1" ]; }

if runs limiter; then
    AIHUB_SIMULATION_STEPS=1000000 "$python" -m pytest Tests/Limiter --quiet -p no:cacheprovider
fi
if [ "$group" != limiter ] && [ "$group" != marathon ]; then
    AIHUB_FAULTS=real AIHUB_FAULT_SEEDS="$seeds" AIHUB_FAULT_GROUP="$group" \
        "$python" -m pytest Tests/EndToEnd --quiet -p no:cacheprovider
fi
if runs marathon; then
    for seed in ${seeds//,/ }; do
        "$python" Tests/EndToEnd/exactness/marathon.py --requests 100000 --kills 100 --seed "$seed"
        [ -n "${SEED:-}" ] || break # One marathon, unless seeds were asked for.
    done
fi
