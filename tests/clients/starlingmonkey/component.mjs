// Makes component.wasm of a core module, as `wasm-tools component new --adapt` does.
import { readFileSync, writeFileSync } from 'node:fs';
import { componentNew, preview1AdapterReactorPath } from '@bytecodealliance/jco';

const adapter = ['wasi_snapshot_preview1', readFileSync(preview1AdapterReactorPath())];
writeFileSync('component.wasm', await componentNew(readFileSync(process.argv[2]), [adapter]));
