#!/usr/bin/env bash
# Builds index.wasm, a component of WASI 0.3: bash build.sh WORK. Needs a Rust with `wasm32-wasip2` (`rustup target add`), whose linker
# is new enough for asynchronous functions: 1.95 is. Ends with 3 if it is not to be had.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p "$1"
work=$(realpath "$1")
triple=wasm32-wasip2
compgen -G "$(rustc --print target-libdir --target "$triple" 2>/dev/null)/libstd-*.rlib" >/dev/null || exit 3
cargo build --release --target "$triple" --target-dir "$work/target"
cp "$work/target/$triple/release/index3.wasm" index.wasm
chmod 644 index.wasm
