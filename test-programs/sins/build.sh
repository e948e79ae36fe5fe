#!/usr/bin/env bash
# Rebuilds the .wasm files in this folder; called by ../build.sh, which prepares the compilers (SCRATCH, the function zig,
# the flags for Rust).
set -euo pipefail
cd "$(dirname "$0")"
: "${SCRATCH:?run ../build.sh}"
export ZIG_GLOBAL_CACHE_DIR=$SCRATCH/zig-cache ZIG_LOCAL_CACHE_DIR=$SCRATCH/zig-cache/local

zig() {
    local driver=$1
    shift
    "$SCRATCH/venv/bin/python" -m ziglang "$driver" -target wasm32-wasi -O1 -g -Wall -Wextra \
        "-ffile-prefix-map=$PWD=/sins" -Wl,-z,stack-size=65536 "$@"
}

zig cc -mexec-model=reactor sins.c -o sins.wasm
zig c++ -std=c++17 -fno-exceptions -fno-rtti twice.cc -o twice.wasm

if [ -n "${RUST_BUILD_STD-}" ] || [ -d "$("${RUSTC:-rustc}" --print target-libdir --target wasm32-wasip1)" ]; then
    RUSTFLAGS=${RUST_FLAGS-} RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$SCRATCH/rust-sins-target cargo build --quiet --release \
        --manifest-path rust/Cargo.toml --target wasm32-wasip1 ${RUST_BUILD_STD:+-Zbuild-std=std,panic_abort}
    cp "$SCRATCH/rust-sins-target/wasm32-wasip1/release/rust_sins.wasm" rust-sins.wasm
else
    echo "rust-sins.wasm is left as it is: this Rust has no wasm32-wasip1" >&2
fi
python3 slim.py ./*.wasm
chmod 644 ./*.wasm
ls -l ./*.wasm
