export { capture, Refusal } from './capture.js';
export { table, verify } from './verify.js';
