# Installs what is missing and builds what is out of date. Needs no network once everything is there.
# shellcheck shell=bash

PACKAGES=(
    curl ca-certificates openssl git make binutils procps util-linux python3 python3-venv libstdc++-12-dev libcurl4-openssl-dev libhiredis-dev libpq-dev libssl-dev
    postgresql redis-server redis-tools valgrind shellcheck
)

missing_packages() {
    local package
    for package in "${PACKAGES[@]}"; do
        dpkg-query --show --showformat '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ "${#missing[@]}" = 0 ] && return
    is_root || fatal "these Debian packages are missing: ${missing[*]}. Install them, or run this once as root."
    step "installing Debian packages: ${missing[*]}"
    # Debian starts services on installation; ours are private, so that is switched off while we install.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        # shellcheck disable=SC2064
        trap "rm -f $policy" EXIT
    fi
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    fi
    export DEBIAN_FRONTEND=noninteractive
    with_progress "$LOCAL/logs/apt-update.log" apt-get update --quiet
    with_progress "$LOCAL/logs/apt-install.log" apt-get install --yes --quiet --no-install-recommends \
        -o Dpkg::Options::=--force-confold "${missing[@]}"
    [ -z "$(trap -p EXIT)" ] || { rm -f "$policy"; trap - EXIT; }
}

# install_python FILE [PIP_OPTION...]: brings the venv to what FILE asks for.
install_python() {
    local file="$1" wanted stamp
    shift
    stamp="$VENV/.installed-$(basename "$file")"
    wanted="$(sha256sum "$file" | cut -d' ' -f1)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$VENV/bin/python" -c '' 2>/dev/null && return
    step "installing Python packages from $(basename "$file")"
    # Debian's own Python, whatever else stands first in PATH; made anew when it no longer runs.
    "$VENV/bin/python" -c '' 2>/dev/null || { rm -rf "$VENV" && /usr/bin/python3 -m venv "$VENV"; }
    with_progress "$LOCAL/logs/pip.log" "$VENV/bin/python" -m pip install --disable-pip-version-check "$@" --requirement "$file"
    echo "$wanted" >"$stamp"
}

is_built() {
    local binary
    for binary in aihub-worker aihub-control scripted-provider; do
        [ -x "$BINARIES/$binary" ] || return 1
        [ -z "$(find "$ROOT/Sources" "$ROOT/Tests/Support" "$ROOT/Package.swift" -newer "$BINARIES/$binary" -type f -print -quit)" ] || return 1
    done
}

# build [--build-tests]
build() {
    command -v swift >/dev/null || fatal "no Swift toolchain found; install Swift 6.3 (https://swift.org/install) first"
    [ -n "${1:-}" ] || ! is_built || return 0
    step "building (the first time takes 10 to 20 minutes on two cores; later builds take seconds)"
    with_progress "$LOCAL/logs/build.log" swift build --package-path "$ROOT" --configuration release "$@"
    # An unchanged binary keeps its time: say that it is up to date all the same.
    touch "$BINARIES/aihub-worker" "$BINARIES/aihub-control" "$BINARIES/scripted-provider"
}
