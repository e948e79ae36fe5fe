#!/usr/bin/env bash
# Builds the core for the npm package: bash npm/js/core/build.sh TARGET_DIR OUT.wasm
#
# rust.sh says where Rust for WebAssembly comes from. Ends with 3 if there is none.
set -euo pipefail
mkdir -p "$1" "$(dirname "$2")"
target=$(realpath "$1")
out=$(realpath "$(dirname "$2")")/$(basename "$2")
cd "$(dirname "$0")"
source rust.sh
"${build[@]}" --target-dir "$target/core"
cp "$target/core/$triple/release/preinit_core_web.wasm" "$out"
