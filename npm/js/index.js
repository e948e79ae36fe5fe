export { capture, Refusal } from './capture.js';
export { modulesOf } from './inlined.js';
export { table, verify } from './verify.js';
