#!/bin/sh
# Makes what the compose files mount and is not there yet: prepare.sh [--add-on] [FOLDER]
#
# FOLDER is where the compose file of the site stands (default: beside this script; with --add-on: here). What is there
# stays as it is, except secrets/, which always follows .env. As root, files get the owner that .env names.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
add_on=
if [ "${1:-}" = --add-on ]; then
  add_on=yes
  shift
fi
[ $# -le 1 ] || { echo 'usage: prepare.sh [--add-on] [FOLDER]' >&2; exit 64; }
if [ -n "$add_on" ]; then cd "${1:-.}"; else cd "${1:-$here}"; fi
umask 077
say() { printf '%s\n' "$*"; }
refuse() { printf 'prepare.sh: %s\n' "$*" >&2; exit 1; }

if [ ! -e .env ]; then
  [ -z "$add_on" ] || refuse "$(pwd) has no .env: name the folder of your site's compose file."
  while IFS= read -r line; do
    case $line in
      *=__random__) printf '%s=%s\n' "${line%%=*}" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done < "$here/.env.example" > .env.new
  mv .env.new .env
  say 'made  .env, with random passwords: read it'
fi

# The last assignment of a name wins, as with compose; quotes around a value go.
value() {
  sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" .env | tail -n 1 | tr -d '\r' |
    sed -e "s/[[:space:]]*\$//" -e "s/^\"\\(.*\\)\"\$/\\1/" -e "s/^'\\(.*\\)'\$/\\1/"
}
needed() {
  found=$(value "$1")
  [ -n "$found" ] || refuse ".env does not set $1."
  printf '%s' "$found"
}
plain() {
  case $2 in *[!A-Za-z0-9._~-]*) refuse "$1 in .env may hold letters, digits and - . _ ~ only: it stands in a database URL." ;; esac
}

uid=$(value BRIDGE_UID)
gid=$(value BRIDGE_GID)
uid=${uid:-1000}
gid=${gid:-994}
case $uid$gid in *[!0-9]*) refuse 'BRIDGE_UID and BRIDGE_GID in .env are numbers.' ;; esac
[ "$uid" != 0 ] || refuse 'BRIDGE_UID is 0: the containers do not run as root.'
own() {
  if [ "$(id -u)" = 0 ]; then chown "$uid:$gid" "$@"; fi
}

folder() { # FOLDER MODE
  [ -d "$1" ] || { mkdir -p "$1"; chmod "$2" "$1"; own "$1"; say "made  $1/"; }
}
file() { # FILE EXAMPLE MODE
  [ ! -d "$1" ] || refuse "$1 is a folder: an engine made it in place of a file that was missing. Remove it."
  [ -e "$1" ] || { cat "$2" > "$1"; chmod "$3" "$1"; own "$1"; say "made  $1"; }
}

storage=$(value STORAGE_PATH)
# Folders above the mounted ones are for every container's user to pass.
for above in config web logs; do [ -d "$above" ] || mkdir -m 755 "$above"; done
folder config/biomero-importer 755
folder "${storage:-./web/L-Drive}" 2775
folder ssh 700
folder biomero-bridge 755
folder logs/biomero-importer 755
if [ -z "$add_on" ]; then
  for role in omeroserver omeroworker-1 biomeroworker omeroweb; do folder "logs/$role" 777; done
fi
file config/biomero-importer/settings.yml "$here/examples/settings.yml" 644
file web/slurm-config.ini "$here/examples/slurm-config.ini" 666
file web/biomero-config.json "$here/examples/biomero-config.json" 666
printf '{}\n' > .empty.json
file web/group-mappings.json .empty.json 666
rm -f .empty.json
file ssh/config "$here/examples/ssh-config" 600

# Where the scripts in OMERO reach bridge-web. The token comes later: the guide says how.
printf 'http://bridge-web:4080\n' > .url
file biomero-bridge/url .url 644
rm -f .url
file biomero-bridge/token /dev/null 600

user=$(needed BIOMERO_POSTGRES_USER)
password=$(needed BIOMERO_POSTGRES_PASSWORD)
database=$(needed BIOMERO_POSTGRES_DB)
plain BIOMERO_POSTGRES_USER "$user"
plain BIOMERO_POSTGRES_PASSWORD "$password"
plain BIOMERO_POSTGRES_DB "$database"
omero=$(value OMERO_IMPORTER_PASSWORD)
[ -n "$omero" ] || omero=$(needed OMERO_ROOT_PASSWORD)

[ -d secrets ] || mkdir secrets
# The folder keeps others out. Written in place, so that running containers keep seeing the file.
secret() { # NAME TEXT
  [ ! -e "secrets/$1" ] || chmod 600 "secrets/$1"
  [ "$(cat "secrets/$1" 2> /dev/null)" = "$2" ] || { printf '%s\n' "$2" > "secrets/$1"; say "wrote secrets/$1"; }
  chmod 400 "secrets/$1"
  own "secrets/$1"
}
secret biomero-database-url "postgresql+psycopg2://$user:$password@database-biomero:5432/$database"
secret omero-password "$omero"

if [ "$(id -u)" != 0 ] && [ "$(id -u)" != "$uid" ]; then
  say "note: the containers run as $uid:$gid, and you are $(id -u):$(id -g). Run this as root, or give them what was made:"
  say "      sudo chown -R $uid:$gid secrets ssh biomero-bridge logs/biomero-importer ${storage:-web/L-Drive}"
fi
