#!/usr/bin/env bash
# Prints the users of the state Redis as an ACL file (Redis 7): users.sh FILE_WITH_THE_PASSWORD_OF_dp FILE_WITH_THAT_OF_cp [FILE_WITH_THAT_OF_rotator]
# A file holds one password a line, as it is or behind a version (`2:…`): all of them are taken.
#
# dp, the workers: calls the limiter's functions and, since these run with the rights of their caller, the commands in them,
# each on the kind of key it is for. Reads keys, versions, snapshot and acknowledgements; writes none of them.
# cp, the control plane: loads the functions and keeps all of the gateway's keys, and nothing else of the server.
# rotator: `aihub-control secrets rotate` alone. It may change users, and so could make itself anything: no plane has its password.
set -euo pipefail
[ "$#" = 2 ] || [ "$#" = 3 ] || {
    echo "usage: users.sh FILE_WITH_THE_PASSWORD_OF_dp FILE_WITH_THAT_OF_cp [FILE_WITH_THAT_OF_rotator]" >&2
    exit 64
}

# A version is followed by 32 bytes in base64; anything else is a password as it stands.
passwords() {
    local line digests=()
    while IFS= read -r line || [ -n "$line" ]; do
        [ -n "$line" ] || continue
        if [[ "$line" =~ ^[0-9]+:([A-Za-z0-9+/]{43}=)$ ]]; then line="${BASH_REMATCH[1]}"; fi
        digests+=("#$(printf '%s' "$line" | sha256sum | cut -d' ' -f1)")
    done <"$1"
    echo "${digests[*]}"
}

dp=(
    resetkeys resetchannels -@all "&cfg"
    +ping +hello +auth +info +time +client\|setname +subscribe +unsubscribe
    # FCALL asks for all rights on every key it is given.
    "(+fcall ~h:* ~o:* ~b:* ~u:* ~hb:* ~run:*)"
    # Records of requests and counters of scopes; open holds; the usage streams; heartbeats and who has replayed.
    "(+get +set ~h:* ~b:*)"
    "(+zadd +zrem +zrange ~o:*)"
    "(+xadd +xrange ~u:*)"
    "(+hget +hmget +hgetall +hkeys +hlen +hset +hdel ~hb:* ~run:*)"
    "(+del ~run:*)"
    # What workers measured of deployments.
    "(+hset +hgetall +hdel +pexpire ~health:*)"
    "(+get +hget +hmget +hgetall +exists %R~k:* %R~c:* %R~cfg:* %R~ack:*)"
)
cp=(
    resetkeys resetchannels -@all "&cfg" ~h:* ~o:* ~b:* ~u:* ~hb:* ~run:* ~k:* ~c:* ~cfg:* ~ack:* ~health:*
    +ping +hello +auth +info +time +client\|setname +publish +subscribe +unsubscribe
    +fcall +function\|load +function\|list +function\|delete +multi +exec +discard
    +@string +@hash +@sortedset +@stream +del +unlink +exists +type +scan +pexpire +pttl +persist +rename
)

echo "user default off resetpass resetkeys resetchannels -@all"
echo "user dp on $(passwords "$1") ${dp[*]}"
echo "user cp on $(passwords "$2") ${cp[*]}"
[ "$#" = 2 ] || echo "user rotator on $(passwords "$3") resetkeys resetchannels -@all +ping +hello +auth +acl|setuser +acl|getuser +acl|save"
