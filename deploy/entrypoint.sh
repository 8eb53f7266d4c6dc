#!/bin/sh
# Becomes biomero-bridge with the container's command. OpenSSH refuses a user without a name, so one is lent to a uid
# that the image was not built for (`user:` in a compose file, a random one on OpenShift).
set -eu
if ! getent passwd "$(id -u)" > /dev/null; then
  lent=$(mktemp -d)
  printf 'bridge:x:%s:%s:biomero-bridge:%s:/usr/sbin/nologin\n' "$(id -u)" "$(id -g)" "$HOME" > "$lent/passwd"
  cat /etc/passwd >> "$lent/passwd"
  export NSS_WRAPPER_PASSWD="$lent/passwd" NSS_WRAPPER_GROUP=/etc/group LD_PRELOAD=libnss_wrapper.so
fi
exec biomero-bridge "$@"
