// The same program with the original and with the snapshot, each in a process of its own: the answers must be the same.
import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { deserialize } from 'node:v8';

const player = fileURLToPath(new URL('./play.js', import.meta.url));

function pathOf(file, what) {
  if (file instanceof URL) return fileURLToPath(file);
  if (typeof file !== 'string') throw new TypeError(`${what} must be a path or a file URL`);
  return file;
}

/** Compares a snapshot with its original. See index.d.ts. */
export async function verify({ original, snapshot, script }) {
  const files = [pathOf(original, 'original'), pathOf(snapshot, 'snapshot')];
  const url = pathToFileURL(pathOf(script, 'script')).href;
  const play = async (side) => {
    const options = { encoding: 'buffer', maxBuffer: 1 << 30 };
    const { stdout } = await promisify(execFile)(process.execPath, [player, side, ...files, url], options);
    // What the program prints comes first.
    const length = stdout.readUInt32LE(stdout.length - 4);
    return deserialize(stdout.subarray(stdout.length - 4 - length, stdout.length - 4));
  };
  const sides = { original: await play('original'), snapshot: await play('snapshot') };
  for (const [side, { error, instances }] of Object.entries(sides)) {
    if (error) throw new Error(`the program failed with the ${side}: ${error}`);
    if (instances !== 1) throw new Error(`the program instantiated the ${side} ${instances} times, where once was expected`);
  }
  return {
    equal: isDeepStrictEqual(sides.original.answers, sides.snapshot.answers),
    answers: { original: sides.original.answers, snapshot: sides.snapshot.answers },
    milliseconds: { original: sides.original.milliseconds, snapshot: sides.snapshot.milliseconds },
  };
}
