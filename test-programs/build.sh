#!/usr/bin/env bash
# Rebuilds every .wasm in this folder from its source. Needs python3 and npm; compilers come from PyPI and npm, at fixed
# versions, into a scratch folder that is kept for the next time (SCRATCH, by default under the system's).
set -euo pipefail
cd "$(dirname "$0")"

scratch=${SCRATCH:-${TMPDIR:-/tmp}/preinit-test-programs}
mkdir -p "$scratch"
export ZIG_GLOBAL_CACHE_DIR=$scratch/zig-cache ZIG_LOCAL_CACHE_DIR=$scratch/zig-cache/local

if [ ! -x "$scratch/venv/bin/python" ]; then
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/pip" install --quiet ziglang==0.17.0
fi
if [ ! -d "$scratch/node_modules/assemblyscript" ]; then
    npm install --prefix "$scratch" --no-fund --no-audit --silent assemblyscript@0.28.20
fi

# Zig reserves 16 MB of stack unless told otherwise, all of which would be the module's initial memory.
zig() {
    local driver=$1
    shift
    "$scratch/venv/bin/python" -m ziglang "$driver" -target wasm32-wasi -I../include -O2 -s -Wall -Wextra \
        -Wl,-z,stack-size=131072 "$@"
}

zig cc -mexec-model=reactor c/primes.c -o c/primes.wasm
zig cc c/command.c -o c/command.wasm
zig cc -mexec-model=reactor c/wasi_files.c -o c/wasi_files.wasm
zig cc -mexec-model=reactor c/host_caches.c -o c/host_caches.wasm
zig cc -mexec-model=reactor -DEAGER c/host_caches.c -o c/host_caches-eager.wasm
zig c++ -std=c++17 -fno-exceptions -fno-rtti -mexec-model=reactor cpp/input.cc -o cpp/input.wasm
zig c++ -std=c++17 -fno-exceptions -mexec-model=reactor cpp/constructors.cc -o cpp/constructors.wasm
zig c++ -std=c++17 -fno-exceptions -DCOMMAND cpp/constructors.cc -o cpp/constructors-command.wasm

"$scratch/node_modules/.bin/asc" assemblyscript/guest.ts --optimize --runtime minimal --use abort= \
    -o assemblyscript/guest.wasm

# Rust needs the standard library for wasm32-wasip1: `rustup target add wasm32-wasip1`, or RUST_BUILD_STD=1 and a
# compiler with its source.
rust_flags="-Zlocation-detail=none --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
rust_flags+=" --remap-path-prefix=$("${RUSTC:-rustc}" --print sysroot)=/rust"
if [ -n "${RUST_BUILD_STD-}" ] || [ -d "$("${RUSTC:-rustc}" --print target-libdir --target wasm32-wasip1)" ]; then
    RUSTFLAGS=$rust_flags RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$scratch/rust-target cargo build --quiet --release \
        --manifest-path rust/Cargo.toml --target wasm32-wasip1 ${RUST_BUILD_STD:+-Zbuild-std=std,panic_abort}
    cp "$scratch/rust-target/wasm32-wasip1/release/rust_guest.wasm" rust/guest.wasm
else
    echo "rust/guest.wasm is left as it is: this Rust has no wasm32-wasip1" >&2
fi

SCRATCH=$scratch wasi/build.sh
SCRATCH=$scratch RUST_FLAGS=$rust_flags sins/build.sh
SCRATCH=$scratch threads/build.sh

# Linkers mark their output executable.
chmod 644 c/*.wasm cpp/*.wasm assemblyscript/*.wasm rust/*.wasm
ls -l c/*.wasm cpp/*.wasm assemblyscript/*.wasm rust/*.wasm
