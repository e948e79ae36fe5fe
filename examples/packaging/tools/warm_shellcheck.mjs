// Has the probed module check a script once, and writes its state (docs/state-file.md) into the folder `state`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Identities, readImports, readState } from "../../../src/verify/other_engines/read_state.mjs";

const script = `#!/bin/bash
for file in $(ls *.txt); do
  [ "$file" == a* ] && cat $file | grep "x" > \`basename $file\`.out
done
read line; echo $line; cd /tmp; rm -rf $dir/*
function f { local x=$(g); return $x; }
case $1 in -h) echo "usage: \\$0" ;; esac
`;

const schema = JSON.parse(readFileSync("schema.json"));
mkdirSync("state", { recursive: true });
const write = (file, bytes) => writeFileSync(`state/${file}`, bytes);
const identities = new Identities();
const before = readImports({}, schema, identities, (index) => `before.${index}`, write);
const { instance } = await WebAssembly.instantiate(readFileSync("probed.wasm"), {});
const { memory, sc_prepare, sc_check, sc_reset } = instance.exports;
const request = new TextEncoder().encode(JSON.stringify({ script }));
const address = sc_prepare(request.length);
new Uint8Array(memory.buffer).set(request, address);
sc_check();
sc_reset();
const files = schema.memories.map((_, index) => `memory.${index}`);
writeFileSync("state/state.json", JSON.stringify(readState(instance.exports, schema, identities, files, write, before)));
