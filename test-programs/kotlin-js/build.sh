#!/usr/bin/env bash
# Rebuilds words.wasm and its JavaScript. Needs Java 17 (Debian: openjdk-17-jre-headless) and npm, whose kotlin-compiler has the compiler
# and the standard library; it is kept in the scratch folder of ../build.sh (SCRATCH).
set -euo pipefail
cd "$(dirname "$0")"

scratch=${SCRATCH:-${TMPDIR:-/tmp}/preinit-test-programs}
mkdir -p "$scratch/kotlin-js"
[ -d "$scratch/node_modules/kotlin-compiler" ] ||
    npm install --prefix "$scratch" --no-fund --no-audit --silent kotlin-compiler@2.4.20
compiler=$scratch/node_modules/kotlin-compiler
kotlin() {
    bash "$compiler/bin/kotlinc-wasm" -nowarn -Xwasm-target=wasm-js \
        -libraries "$compiler/lib/kotlin-stdlib-wasm-js.klib" \
        -ir-output-dir "$scratch/kotlin-js" -ir-output-name words "$@"
}
kotlin words.kt
kotlin -Xir-produce-js -Xir-dce -Xwasm-use-new-exception-proposal -Xinclude="$scratch/kotlin-js/words.klib"
for file in words.wasm words.mjs words.import-object.mjs words.js-builtins.mjs; do cp "$scratch/kotlin-js/$file" .; done
chmod 644 words.*
ls -l words.wasm
