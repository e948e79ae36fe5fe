// Run when the bundle is built: what is in the snapshot.
import { loadCatalog } from './catalog.js';

let catalog;
export const run = async () => void (await (catalog ??= loadCatalog()));

// What has to be the same with it. It is also what is measured.
export async function calls() {
  const query = await (catalog ??= loadCatalog());
  return [0, 341, 9999].map((number) => query(number));
}
