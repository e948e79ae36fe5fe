#!/usr/bin/env bash
# Builds words.wasm and the JavaScript that loads it: bash build.sh OUT
#
# Needs Java 17 and Maven (Debian: maven), which brings TeaVM from Maven Central. Ends with 3 if there is no Maven.
set -euo pipefail
command -v mvn >/dev/null || exit 3
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")"
repository=${MAVEN_REPOSITORY:-$HOME/.m2/repository}
mvn --batch-mode --quiet -Dmaven.repo.local="$repository" -Doutput="$out/target" process-classes
cp "$out/target/javascript/words.wasm" "$out/words.wasm"
# The plugin leaves out what loads it.
core=$(find "$repository/org/teavm/teavm-core" -name 'teavm-core-*.jar' | sort | tail -n 1)
(cd "$out/target" && jar xf "$core" org/teavm/backend/wasm/wasm-gc-module-runtime.js)
cp "$out/target/org/teavm/backend/wasm/wasm-gc-module-runtime.js" "$out/words.mjs"
