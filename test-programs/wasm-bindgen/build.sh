#!/usr/bin/env bash
# Builds the module and its JavaScript, with crates of crates.io: bash build.sh TARGET OUT
#
# TARGET is the folder of npm/js/core/build.sh, which says where Rust for WebAssembly comes from. In OUT are `externref`, `numbers`
# and `web` then. Ends with 3 if there is no Rust for WebAssembly.
set -euo pipefail
mkdir -p "$1" "$2"
target=$(realpath "$1")
out=$(realpath "$2")
cd "$(dirname "$0")"
(cd glue && cargo build --quiet --locked --target-dir "$target/glue")
source ../../npm/js/core/rust.sh
one() {
    "$target/glue/debug/glue" "$target/$1/$triple/release/words.wasm" "$out/$2" "$2" "$3"
    # Packages of the folder's parents may say that .js is something else.
    printf '{ "type": "%s" }\n' "$4" >"$out/$2/package.json"
}
(cd library && "${build[@]}" --target-dir "$target/words")
one words externref nodejs commonjs
one words web web module
export RUSTFLAGS="-C target-feature=-reference-types"
(cd library && "${build[@]}" --target-dir "$target/words-numbers")
one words-numbers numbers nodejs commonjs
