#!/usr/bin/env bash
# Prints the users of the state Redis as an ACL file (Redis 7): users.sh FILE_WITH_THE_PASSWORD_OF_dp FILE_WITH_THAT_OF_cp
#
# dp, the workers: calls the limiter's functions and, since these run with the rights of their caller, the commands in them,
# each on the kind of key it is for. Reads keys, versions, snapshot and acknowledgements; writes none of them.
# cp, the control plane: loads the functions and keeps all of the gateway's keys, and nothing else of the server.
set -euo pipefail
[ "$#" = 2 ] || { echo "usage: users.sh FILE_WITH_THE_PASSWORD_OF_dp FILE_WITH_THAT_OF_cp" >&2; exit 64; }

password() { printf '#%s' "$(tr -d '\n' <"$1" | sha256sum | cut -d' ' -f1)"; }

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
echo "user dp on $(password "$1") ${dp[*]}"
echo "user cp on $(password "$2") ${cp[*]}"
