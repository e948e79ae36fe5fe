export { capture, Refusal } from './capture.js';
export { verify } from './verify.js';
