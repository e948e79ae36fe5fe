import { createRequire } from 'node:module';

/** The absolute path of the binary. */
const path = createRequire(import.meta.url)('./binary.cjs');
export default path;
