#!/usr/bin/env bash
# Rebuilds the modules and their JavaScript, with Debian's emscripten 3.1.6.
set -euo pipefail
cd "$(dirname "$0")"

emcc library.cpp -std=c++17 -O1 --bind -fexceptions -sMODULARIZE=1 -sALLOW_TABLE_GROWTH=1 -sFORCE_FILESYSTEM=1 \
    -sALLOW_MEMORY_GROWTH=1 -sEXPORTED_RUNTIME_METHODS=addFunction,FS,ccall -sENVIRONMENT=web,node -o library.js
emcc primes.c -O1 -sMODULARIZE=1 -sIMPORTED_MEMORY=1 -sFILESYSTEM=0 -sENVIRONMENT=web,node -o primes.js
# Packages of this folder's parents may say that .js is something else.
mv library.js library.cjs
mv primes.js primes.cjs
chmod -x ./*.wasm
