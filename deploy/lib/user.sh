# Who the services run as: whoever started them, and never root.
# shellcheck shell=bash disable=SC2034

SERVICE_USER=aihub
# What stands in front of a command to run it as that user.
AS_SERVICE=()

as_service() { "${AS_SERVICE[@]}" "$@"; }

# Started by root: makes the user where it is missing, and gives it what belongs to the services. A folder that it may not enter, such as a
# clone under /root, is reached through a descriptor that the services inherit. Sets SERVED, the folder as they see it.
prepare_service_user() {
    SERVED="$ROOT"
    if is_root; then
        id -u "$SERVICE_USER" >/dev/null 2>&1 ||
            useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$SERVICE_USER"
        AS_SERVICE=(env HOME=/nonexistent setpriv "--reuid=$SERVICE_USER" "--regid=$SERVICE_USER" --clear-groups --no-new-privs)
        chmod 755 "$LOCAL"
        if ! as_service test -x "$ROOT"; then
            exec 9<"$ROOT"
            SERVED=/proc/self/fd/9
        fi
        as_service test -x "$SERVED/.build/release/aihub-worker" ||
            fatal "the user $SERVICE_USER, as whom the services run, cannot read $ROOT. Run: chmod -R go+rX '$ROOT'"
    fi
    local folder
    for folder in secrets redis-state redis-cache worker-1 worker-2; do
        mkdir -p "$LOCAL/$folder"
        chmod 700 "$LOCAL/$folder"
        # Of an earlier start as well, when root itself ran the services.
        if is_root; then chown --recursive --no-dereference "$SERVICE_USER:$SERVICE_USER" "$LOCAL/$folder"; fi
    done
}

# keep_private FILE: what is read, in a file that only the services' user can read.
keep_private() {
    # shellcheck disable=SC2016
    as_service sh -c 'umask 077 && rm -f "$1" && cat >"$1"' sh "$(served "$1")"
}

# served PATH: a path in this folder, as the services see it.
served() { printf '%s%s' "$SERVED" "${1#"$ROOT"}"; }
