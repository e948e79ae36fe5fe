#!/usr/bin/env bash
# Rebuilds catalog.wasm. Needs Java 17 (Debian: openjdk-17-jre-headless) and npm, whose kotlin-compiler has the compiler
# and the WASI standard library; it is kept in the scratch folder of ../build.sh (SCRATCH).
set -euo pipefail
cd "$(dirname "$0")"

scratch=${SCRATCH:-${TMPDIR:-/tmp}/preinit-test-programs}
mkdir -p "$scratch/kotlin"
[ -d "$scratch/node_modules/kotlin-compiler" ] ||
    npm install --prefix "$scratch" --no-fund --no-audit --silent kotlin-compiler@2.4.20
compiler=$scratch/node_modules/kotlin-compiler
kotlin() {
    bash "$compiler/bin/kotlinc-wasm" -nowarn -Xwasm-target=wasm-wasi \
        -libraries "$compiler/lib/kotlin-stdlib-wasm-wasi.klib" \
        -ir-output-dir "$scratch/kotlin" -ir-output-name catalog "$@"
}
kotlin catalog.kt
kotlin -Xir-produce-js -Xir-dce -Xwasm-use-new-exception-proposal -Xinclude="$scratch/kotlin/catalog.klib"
cp "$scratch/kotlin/catalog.wasm" catalog.wasm
chmod 644 catalog.wasm
ls -l catalog.wasm
