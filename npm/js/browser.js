// `preinit/js` in a page: what needs no files and no processes.
export { capture, Refusal } from './capture.js';
export { modulesOf } from './inlined.js';

const missing = () => {
  throw new Error('preinit: processes are started and compared in Node only');
};

export const verify = async () => missing();
export const table = missing;
