#!/usr/bin/env bash
# Proves by the linker's word that the data plane cannot reach the database: aihub-worker links no libpq. And that both
# planes take OpenSSL, for TLS to Redis, from the system, whose updates must reach them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

binaries=.build/release
needed() { readelf --dynamic --wide "$binaries/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

if needed aihub-worker | grep --extended-regexp 'libpq|libsqlite|libmysql'; then
    echo "aihub-worker links a database library" >&2
    exit 1
fi
needed aihub-control | grep --quiet libpq || { echo "aihub-control links no libpq: this check checks nothing" >&2; exit 1; }
if needed aihub-control | grep libcurl; then
    echo "aihub-control links libcurl: providers are the workers' business" >&2
    exit 1
fi
for program in aihub-worker aihub-control; do
    needed "$program" | grep --quiet '^libssl\.so' || { echo "$program does not link the system's libssl" >&2; exit 1; }
done
echo "aihub-worker links no libpq, aihub-control no libcurl; both link libssl"
