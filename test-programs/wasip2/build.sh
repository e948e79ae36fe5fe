#!/usr/bin/env bash
# Builds index.wasm, a command, and words.wasm, a component with functions: bash build.sh WORK
#
# With this Rust if it has the target. Otherwise with Debian's rustc-web, unpacked into WORK since it cannot be installed beside another
# Rust, a standard library built from source, and Debian's wasi-libc, which is of preview 1: the linker adds the adapter for that.
# The linker, wasm-component-ld, comes from crates.io. Ends with 3 if something is not to be had.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p "$1"
work=$(realpath "$1")
triple=wasm32-wasip2

build() {
    "$cargo" build "$@" --release --target "$triple" --target-dir "$work/target"
    cp "$work/target/$triple/release/index.wasm" "$work/target/$triple/release/words.wasm" .
}

cargo=cargo

if compgen -G "$(rustc --print target-libdir --target "$triple" 2>/dev/null)/libstd-*.rlib" >/dev/null; then
    build
    exit
fi

debian=$work/debian
if [ ! -e "$debian/unpacked" ]; then
    rm -rf "$debian"
    mkdir -p "$debian"
    { apt-get update -qq && std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-.*\)/\1/p') &&
        llvm=$(apt-cache depends "$std" | sed -n 's/.*Depends: \(libllvm.*\)/\1/p') &&
        (cd "$debian" && apt-get download -qq rustc-web rust-web-src libstd-rust-web-dev "$std" "$llvm" "lld-${llvm#libllvm}" \
            wasi-libc); } || exit 3
    for package in "$debian"/*.deb; do
        dpkg -x "$package" "$debian"
        rm "$package"
    done
    mkdir -p "$debian/usr/lib/rustlib/$triple/lib/self-contained"
    cp "$debian"/usr/lib/wasm32-wasi/* "$debian/usr/lib/rustlib/$triple/lib/self-contained/"
    ln -s "$(basename "$(ls -d "$debian"/usr/bin/wasm-ld-*)")" "$debian/usr/bin/wasm-ld"
    touch "$debian/unpacked"
fi
[ -x "$work/linker/bin/wasm-component-ld" ] || cargo install --quiet wasm-component-ld@0.5.31 --root "$work/linker" || exit 3
export RUSTC="$debian/usr/bin/rustc" RUSTC_BOOTSTRAP=1
export PATH="$work/linker/bin:$debian/usr/bin:$PATH"
export LD_LIBRARY_PATH="$debian/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
cargo=$(type -P -a cargo | grep -v "^$debian" | head -n1)
build -Z build-std=std,panic_abort
