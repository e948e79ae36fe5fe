import { preinit } from 'preinit/js/plugin';

export default {
  build: { target: 'esnext' },
  plugins: [preinit({ wasm: 'node_modules/simplecc-wasm/pkg/web/simplecc_wasm_bg.wasm', script: 'warm-up.mjs' })],
};
