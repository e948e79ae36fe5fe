import { preinit } from 'preinit/js/plugin';

const wasm = 'node_modules/@micropython/micropython-webassembly-pyscript/micropython.wasm';

export default {
  build: { target: 'esnext' },
  plugins: [preinit({ wasm, script: 'warm-up.mjs', noop: ['mp_js_init', 'proxy_c_init'] })],
};
