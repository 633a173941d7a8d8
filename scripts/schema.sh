#!/usr/bin/env bash
# Writes sql/schema.sql: what all migrations make of a new database. Needs the built aihub-control.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

written="$(mktemp)"
trap 'rm -f "$written"' EXIT
.local/venv/bin/python Tests/EndToEnd/schema.py >"$written"
cat "$written" >sql/schema.sql
