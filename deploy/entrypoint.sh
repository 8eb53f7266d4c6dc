#!/bin/sh
# `biomero-bridge` in the image. OpenSSH refuses a user without a name, so one is lent to a uid that the image was not
# built for (`user:` in a compose file, a random one on OpenShift).
set -eu
if ! getent passwd "$(id -u)" > /dev/null; then
  lent="${TMPDIR:-/tmp}/biomero-bridge-passwd.$(id -u)"
  if [ ! -e "$lent" ]; then
    new=$(mktemp "$lent.XXXXXX")
    cat /etc/passwd > "$new"
    printf 'bridge:x:%s:%s:biomero-bridge:%s:/usr/sbin/nologin\n' "$(id -u)" "$(id -g)" "$HOME" >> "$new"
    mv "$new" "$lent"
  fi
  export NSS_WRAPPER_PASSWD="$lent" NSS_WRAPPER_GROUP=/etc/group LD_PRELOAD=libnss_wrapper.so
fi
exec /opt/biomero-bridge/bin/biomero-bridge "$@"
