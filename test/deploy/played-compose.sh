#!/bin/bash
# In the place of `docker compose`, for the guides: starts and ends the programs that the compose files name, on this
# machine. SITE is the folder that stands for the site's: .env and compose files as people edit them, `services/NAME`
# scripts that become a service, `environment` for our commands, `state/` for what runs.
set -euo pipefail
[ "$1" = compose ] || { echo "only docker compose is played: $*" >&2; exit 64; }
command=$2
shift 2
cd "$SITE"
COMPOSE_FILE=docker-compose.yml
# shellcheck source=/dev/null
. ./.env
IFS=: read -ra files <<< "$COMPOSE_FILE"

names=()
for word; do
  case $command:$word in
    up:-d | up:--no-deps | build:* | stop:--timeout | stop:[0-9]*) ;;
    up:-* | stop:-*) echo "not played: $command $word" >&2; exit 64 ;;
    up:* | stop:*) names+=("$word") ;;
  esac
done

alive() { [ -e "state/$1.pid" ] && [[ "$(ps -o stat= -p "$(cat "state/$1.pid")")" =~ ^[^Z] ]]; }

# As a container ends: whatever its first process has left behind ends with it.
stop() {
  [ -e "state/$1.pid" ] || return 0
  if alive "$1"; then
    kill -TERM "$(cat "state/$1.pid")"
    for _ in $(seq 600); do alive "$1" || break; sleep 0.1; done
    if alive "$1"; then echo "$1 does not end" >&2; exit 1; fi
  fi
  kill -KILL -- "-$(cat "state/$1.pid")" 2> /dev/null || true
  rm "state/$1.pid"
}

defined() { grep -qs "^  $1:" "${files[@]}" /dev/null; }

# Ours where a file after the site's own says so.
program() { if grep -qs "^  $1:" "${files[@]:1}" /dev/null && [ -e "services/$1.ours" ]; then echo "services/$1.ours"; else echo "services/$1"; fi; }

case $command in
  build) ;;
  stop) for name in "${names[@]}"; do defined "$name" || { echo "no such service: $name" >&2; exit 1; }; stop "$name"; done ;;
  up)
    for name in "${names[@]}"; do
      defined "$name" || { echo "no such service: $name" >&2; exit 1; }
      stop "$name"
      echo "$name $(program "$name")" >> state/ups
      [ -e "$(program "$name")" ] || continue
      setsid "$(program "$name")" > "state/$name.log" 2>&1 < /dev/null 9>&- &
      echo $! > "state/$name.pid"
      [ ! -e "services/$name.ready" ] || "services/$name.ready"
    done
    ;;
  run)
    while [[ "$1" == -* ]]; do shift; done
    defined "$1" || { echo "no such service: $1" >&2; exit 1; }
    shift
    exec services/command "$@"
    ;;
  exec)
    [ "$1 $2" = '-T database-biomero' ] || exit 64
    shift 2
    # shellcheck source=/dev/null
    . services/database
    exec "$@"
    ;;
  *) echo "not played: $command" >&2; exit 64 ;;
esac
