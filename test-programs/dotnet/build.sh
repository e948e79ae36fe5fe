#!/usr/bin/env bash
# Compiles the programs of this folder with Mono's compiler, since there need be no SDK: bash build.sh INPUTS WORK
#
# Against the assemblies of inputs/blazor, made readable for it by readable.py. Needs `apt-get install mono-mcs`.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p "$2"
work=$(realpath "$2")
python3 readable.py "$work" "$1"/blazor/wwwroot/_framework/*.wasm
for program in *.cs; do
    references=()
    for library in "$work"/*.dll; do references+=("-r:$library"); done
    mcs -nostdlib -noconfig -unsafe -optimize -langversion:latest -target:exe "${references[@]}" -out:"${program%.cs}.dll" "$program"
done
python3 entry.py Clock.dll
