#!/bin/sh
# Builds the program from a clean checkout into a folder that holds only what runs: deploy/build-steps.sh TARGET
# The Dockerfile runs this very script, and so do the tests. It needs Node.js with npm, and the package registry.
set -eu
target=${1:?usage: deploy/build-steps.sh TARGET}
cd "$(dirname "$0")/.."
[ ! -e "$target" ] || { echo "build-steps.sh: $target exists" >&2; exit 64; }

# Installs what package-lock.json names (npm ci --ignore-scripts) and compiles the program and its pages.
node bin/build.mjs

# What only building needs goes; the optional packages are the quick start's own PostgreSQL.
npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error

mkdir -p "$target/bin" "$target/src/omero/ice"
cp -R package.json LICENSE dist migrations node_modules "$target/"
# OMERO's types, read at run time.
cp src/omero/ice/omero-schema.json "$target/src/omero/ice/"
rm -f "$target/node_modules/.package-lock.json" "$target/node_modules/.biomero-bridge-lock"
find "$target/node_modules" -type d -empty -delete

# bin/biomero-bridge.mjs installs and builds what is missing, which nothing here is.
cat > "$target/bin/biomero-bridge" << 'LAUNCHER'
#!/bin/sh
exec node "$(dirname "$(readlink -f "$0")")/../dist/src/main.js" "$@"
LAUNCHER
chmod 755 "$target/bin/biomero-bridge"

# It starts, or nothing was built.
"$target/bin/biomero-bridge" --version
