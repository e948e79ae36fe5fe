// What is known of the imports of Go's code (`GOOS=js`) and TinyGo's. JavaScript's side numbers the values that the program has, so what the
// program does there must be done again, in the same order: that is what the record is for.

import { Adapter } from './adapter.js';

// What they answer is in memory, and nothing of it in JavaScript. TinyGo has one clock.
const AMBIENT = /^runtime\.(walltime|nanotime1|getRandomData|ticks)$/;

export class Go extends Adapter {
  isTransparent({ name }) {
    return AMBIENT.test(name);
  }
}
