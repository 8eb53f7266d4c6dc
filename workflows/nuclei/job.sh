#!/bin/bash
# Job script of the workflow "nuclei". A template: the words in place of @NUCLEI_PROGRAM@ start the program on this
# cluster. Reads DATA_PATH (holds data/in, data/out, data/gt) and the parameters as upper-case variables; "None" and
# nothing both mean the default.
#SBATCH --job-name=nuclei
#SBATCH --time=00:15:00
#SBATCH --mem=2GB
#SBATCH --cpus-per-task=1
#SBATCH --open-mode=append

set -eu

DATA_PATH=${DATA_PATH:?DATA_PATH names no folder}
DIAMETER=${DIAMETER:-None}
MIN_AREA=${MIN_AREA:-None}
THRESHOLD=${THRESHOLD:-None}
CHANNEL=${CHANNEL:-None}

echo "Running nuclei Job w/ ${IMAGE_PATH:-none} | ${SINGULARITY_IMAGE:-none} | $DATA_PATH | ${SCRIPT_PATH:-none} | ${DO_CONVERT:-false} | $DIAMETER $MIN_AREA $THRESHOLD $CHANNEL"

set -- @NUCLEI_PROGRAM@
set -- "$@" --infolder "$DATA_PATH/data/in" --gtfolder "$DATA_PATH/data/gt" --outfolder "$DATA_PATH/data/out" --local -nmc
if [ "$DIAMETER" != None ]; then set -- "$@" "--diameter=$DIAMETER"; fi
if [ "$MIN_AREA" != None ]; then set -- "$@" "--min_area=$MIN_AREA"; fi
if [ "$THRESHOLD" != None ]; then set -- "$@" "--threshold=$THRESHOLD"; fi
if [ "$CHANNEL" != None ]; then set -- "$@" "--channel=$CHANNEL"; fi

exit_code=0
"$@" || exit_code=$?

# The last act: what was written, as records of "<size in bytes> <name>" that a NUL ends, so that any file name fits.
# The manifest stands beside the results, not among them, and its name appears only when it is whole.
manifest=$DATA_PATH/data/out.manifest
(cd "$DATA_PATH/data/out" && find . -type f -printf '%s %P\0' | LC_ALL=C sort -z -k2) >"$manifest.partial"
mv -f "$manifest.partial" "$manifest"

exit "$exit_code"
