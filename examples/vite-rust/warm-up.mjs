// Run when the bundle is built: what is in the snapshot.
import { loadFilter } from './filter.js';

export async function run() {
  const filter = await loadFilter();
  filter.isMatch('warm up');
  // JavaScript's object is made from this in the page.
  return filter.__wbg_ptr;
}

// What has to be the same with it. It is also what is measured.
let original;
export async function calls({ preinitialized, value }) {
  const filter = preinitialized ? await loadFilter(value) : (original ??= await loadFilter(value));
  return ['nothing', 'it has WORD7919 in it', 'word0word1'].map((text) => filter.isMatch(text));
}
