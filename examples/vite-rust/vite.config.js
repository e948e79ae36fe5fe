import { fileURLToPath } from 'node:url';
import { preinit } from 'preinit/js/plugin';

export default {
  build: { target: 'esnext' },
  // Bundlers would take the package's code for Node.
  resolve: { alias: { rregex: fileURLToPath(new URL('node_modules/rregex/lib/web.js', import.meta.url)) } },
  plugins: [preinit({ wasm: 'node_modules/rregex/lib/rregex.wasm', script: 'warm-up.mjs' })],
};
