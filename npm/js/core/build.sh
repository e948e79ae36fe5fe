#!/usr/bin/env bash
# Builds the core for the npm package: bash npm/js/core/build.sh TARGET_DIR OUT.wasm
#
# With this Rust if it has the target wasm32-unknown-unknown; otherwise with Debian's rustc-web and a standard library built
# from source, as .ci/core-for-wasm unpacks it into TARGET_DIR/debian. Ends with 3 if neither is to be had.
set -euo pipefail
mkdir -p "$1" "$(dirname "$2")"
target=$(realpath "$1")
out=$(realpath "$(dirname "$2")")/$(basename "$2")
cd "$(dirname "$0")"
triple=wasm32-unknown-unknown
build=(cargo build --release --locked --target "$triple" --target-dir "$target/core")
if ! compgen -G "$(rustc --print target-libdir --target "$triple")/libstd-*.rlib" >/dev/null; then
    debian=$target/debian
    if [ ! -e "$debian/unpacked" ]; then
        bash ../../../.ci/core-for-wasm "$target" || exit 3
    fi
    export RUSTC="$debian/usr/bin/rustc" RUSTC_BOOTSTRAP=1
    export LD_LIBRARY_PATH="$debian/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    # Debian's has no linker for this target; the one of any Rust will do.
    sysroot=$(rustc --print sysroot)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(find "$sysroot/lib/rustlib" -name rust-lld -type f | head -n 1)
    [ -n "$CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER" ] || exit 3
    build+=(-Z build-std=std,panic_abort)
fi
"${build[@]}"
cp "$target/core/$triple/release/preinit_core_web.wasm" "$out"
