#!/usr/bin/env bash
# Builds the file layer, with and without changes of files, and compares it with the binaries that are committed:
# bash crates/file-layer/build.sh TARGET_DIR
# With --write as the second word, it replaces them.
#
# With this Rust if it has the target wasm32-unknown-unknown; otherwise with Debian's rustc-web, as .ci/core-for-wasm unpacks
# it into TARGET_DIR/debian. Ends with 3 if neither is to be had, and with 4 if the committed binary is of another compiler,
# so that they cannot be compared.
set -euo pipefail
mkdir -p "$1"
target=$(realpath "$1")
cd "$(dirname "$0")"
triple=wasm32-unknown-unknown
sysroot=$(rustc --print sysroot)
build=(cargo build --release --locked --target "$triple" --target-dir "$target/file-layer")
if ! compgen -G "$(rustc --print target-libdir --target "$triple")/libcore-*.rlib" >/dev/null; then
    debian=$target/debian
    if [ ! -e "$debian/unpacked" ]; then
        bash ../../.ci/core-for-wasm "$target" || exit 3
    fi
    export RUSTC="$debian/usr/bin/rustc" RUSTC_BOOTSTRAP=1
    export LD_LIBRARY_PATH="$debian/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    # Debian's has no linker for this target; the one of any Rust will do.
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(find "$sysroot/lib/rustlib" -name rust-lld -type f | head -n 1)
    [ -n "$CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER" ] || exit 3
    build+=(-Z build-std=core)
fi
# What every engine with bulk memory has, and no table in data: the layer must have no data. The path is the same everywhere.
export RUSTFLAGS="-C target-cpu=mvp -C target-feature=+bulk-memory -C llvm-args=--switch-to-lookup=false --remap-path-prefix=$PWD=layer"
compiler="$("${RUSTC:-rustc}" --version)"
if [ "${2:-}" != --write ] && [ "$compiler" != "$(cat compiler.txt)" ]; then
    echo "the committed file layer was built by $(cat compiler.txt), this is $compiler" >&2
    exit 4
fi
built=$target/file-layer/$triple/release/preinit_file_layer.wasm
for variant in layer writable-layer; do
    features=()
    [ $variant = layer ] || features=(--features write)
    committed=../core/src/embed/$variant.wasm
    "${build[@]}" "${features[@]}"
    if [ "${2:-}" = --write ]; then
        cp "$built" "$committed"
        printf '%s\n' "$compiler" >compiler.txt
    else
        cmp "$built" "$committed"
    fi
done
