# To be sourced, with `target`: Rust for wasm32-unknown-unknown. Sets `triple` and `build`, the command that builds.
#
# This Rust if it has the target; otherwise Debian's rustc-web and a standard library built from source, as .ci/core-for-wasm
# unpacks it into $target/debian. Ends with 3 if neither is to be had.
triple=wasm32-unknown-unknown
build=(cargo build --release --locked --target "$triple")
if ! compgen -G "$(rustc --print target-libdir --target "$triple")/libstd-*.rlib" >/dev/null; then
    debian=$target/debian
    if [ ! -e "$debian/unpacked" ]; then
        bash "$(dirname "${BASH_SOURCE[0]}")/../../../.ci/core-for-wasm" "$target" || exit 3
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
