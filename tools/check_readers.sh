#!/usr/bin/env bash
# Makes a Level-2A product of the simulated scene and lets other people's readers open it: GDAL, stactools-sentinel2, eoreader.
#
# The readers in Python go into a virtual environment in target/readers. Give a product to check that one instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environment=target/readers
if [[ ! -x $environment/bin/python ]]; then
    python3 -m venv "$environment"
fi
for package in stactools-sentinel2 eoreader; do
    if ! "$environment/bin/pip" install --quiet "$package"; then
        echo "left out: $package cannot be installed here"
    fi
done

if (($# > 0)); then
    product=$1
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    run() { cargo run --quiet --release -p sen2cor-cli -- "$@" | tail -n 1; }
    level_1c=$(run simulate --size 1098 --output-dir "$folder")
    product=$(run process "$level_1c" --output-dir "$folder/products" --processing-baseline 05.11)
fi
"$environment/bin/python" tools/foreign_readers.py "$product"
