#!/usr/bin/env bash
# Lets other people's JPEG 2000 decoders read our images and compares the samples: OpenJPEG, GDAL, Grok, hayro-jpeg2000.
#
# The images are those of a Level-2A product of the simulated scene, or of the products and files that are given. OpenJPEG, GDAL and
# Grok are Debian packages (libopenjp2-tools, gdal-bin, grokj2k-tools); hayro is built by cargo. What is missing is left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

hayro=target/hayro/release/hayro-decode
if ! cargo build --quiet --release --manifest-path tools/hayro/Cargo.toml --target-dir target/hayro; then
    echo "left out: hayro-jpeg2000 cannot be built here (it wants Rust 1.92 or later)"
    hayro=
fi

if (($# > 0)); then
    inputs=("$@")
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    run() { cargo run --quiet --release -p sen2cor-cli -- "$@" | tail -n 1; }
    level_1c=$(run simulate --size 1098 --output-dir "$folder")
    inputs=("$(run process "$level_1c" --output-dir "$folder/products" --codec native)")
fi
python3 tools/foreign_decoders.py "${inputs[@]}" ${hayro:+--hayro "$hayro"}
