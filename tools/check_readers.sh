#!/usr/bin/env bash
# Makes a Level-2A product of the simulated scene and lets other people's readers open it: GDAL, stactools-sentinel2, eoreader.
#
# The readers in Python go into a virtual environment in target/readers, in the versions of tools/readers-requirements.txt (Python
# 3.11 or later). Give products to check those instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environment=target/readers
pinned=tools/readers-requirements.txt
if ! cmp --quiet "$pinned" "$environment/installed.txt"; then
    python3 -m venv "$environment"
    # The list is complete: nothing has to be resolved, which takes pip many minutes. uv, where it is there, is quicker still.
    install=("$environment/bin/pip" install)
    if command -v uv >/dev/null; then
        install=(uv pip install --python "$environment/bin/python")
    fi
    if "${install[@]}" --quiet --no-deps --requirement "$pinned"; then
        cp "$pinned" "$environment/installed.txt"
    else
        echo "left out: the readers in Python cannot be installed here"
    fi
fi

if (($# == 0)); then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    run() { cargo run --quiet --release -p sen2cor-cli -- "$@" | tail -n 1; }
    level_1c=$(run simulate --size 1098 --output-dir "$folder")
    set -- "$(run process "$level_1c" --output-dir "$folder/products")"
fi
failed=0
for product in "$@"; do
    echo "$(basename "$product")"
    "$environment/bin/python" tools/foreign_readers.py "$product" || failed=1
done
exit "$failed"
