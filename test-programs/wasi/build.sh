#!/usr/bin/env bash
# Rebuilds the .wasm files in this folder; called by ../build.sh, which prepares the compiler (SCRATCH).
set -euo pipefail
cd "$(dirname "$0")"
: "${SCRATCH:?run ../build.sh}"
export ZIG_GLOBAL_CACHE_DIR=$SCRATCH/zig-cache ZIG_LOCAL_CACHE_DIR=$SCRATCH/zig-cache/local

for source in *.c; do
    "$SCRATCH/venv/bin/python" -m ziglang cc -target wasm32-wasi -Os -s -Wall -Wextra -Wl,-z,stack-size=65536 \
        "$source" -o "${source%.c}.wasm"
done
chmod 644 ./*.wasm
ls -l ./*.wasm
