#!/usr/bin/env bash
# Rebuilds the .wasm files in this folder; called by ../build.sh, which prepares the compilers (SCRATCH). The library with
# threads is that of Rust: `rustup target add wasm32-wasip1-threads`; Emscripten is Debian's.
set -euo pipefail
cd "$(dirname "$0")"
: "${SCRATCH:?run ../build.sh}"
export ZIG_GLOBAL_CACHE_DIR=$SCRATCH/zig-cache ZIG_LOCAL_CACHE_DIR=$SCRATCH/zig-cache/local
rustc=${RUSTC:-rustc}
library=$("$rustc" --print target-libdir --target wasm32-wasip1-threads)

if [ -d "$library/self-contained" ]; then
    "$SCRATCH/venv/bin/python" -m ziglang cc -target wasm32-wasi -mcpu=generic+atomics+bulk_memory -pthread -O2 -Wall -Wextra \
        -c threads.c -o "$SCRATCH/threads.o"
    # The name decides which linker it is.
    ln -sf "$("$rustc" --print sysroot)/lib/rustlib/$("$rustc" -vV | sed -n 's/^host: //p')/bin/rust-lld" "$SCRATCH/wasm-ld"
    "$SCRATCH/wasm-ld" --import-memory --shared-memory --max-memory=4194304 -z stack-size=65536 --strip-all \
        --export=wasi_thread_start --export=_initialize --entry=_initialize "$SCRATCH/threads.o" \
        "$library/self-contained/crt1-reactor.o" "$library/self-contained/libc.a" "$library"/libcompiler_builtins*.rlib \
        -o threads.wasm
    # Without the object of reactors, each export would run the constructors again, in each thread.
    link="-Clink-arg=$library/self-contained/crt1-reactor.o -Clink-arg=--export=_initialize"
    link+=" -Clink-arg=--max-memory=16777216 -Clink-arg=-zstack-size=131072"
    RUSTFLAGS="-Zlocation-detail=none $link" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$SCRATCH/rust-threads-target \
        cargo build --quiet --release --manifest-path rust/Cargo.toml --target wasm32-wasip1-threads
    cp "$SCRATCH/rust-threads-target/wasm32-wasip1-threads/release/threads.wasm" rust-threads.wasm
else
    echo "threads.wasm and rust-threads.wasm are left as they are: this Rust has no wasm32-wasip1-threads" >&2
fi

if command -v emcc > /dev/null; then
    # Its JavaScript is not used; the tests have a small one of their own.
    NODE_PATH=/usr/share/nodejs emcc -pthread -O1 emscripten.c -o "$SCRATCH/emscripten.js" -sPTHREAD_POOL_SIZE=4 \
        -sENVIRONMENT=node,worker -sINITIAL_MEMORY=1048576 -sTOTAL_STACK=65536 --no-entry
    cp "$SCRATCH/emscripten.wasm" .
else
    echo "emscripten.wasm is left as it is: there is no emcc" >&2
fi
chmod 644 ./*.wasm
ls -l ./*.wasm
