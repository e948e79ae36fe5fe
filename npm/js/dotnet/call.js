// A call as it is written on the command line: Ns.Class.Method("text", 3, true, null, @"file").
import { readFileSync } from 'node:fs';

const METHOD = /^\s*([A-Za-z_][\w.]*)\s*\(([\s\S]*)\)\s*$/;
const VALUE = /\s*(@?)("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*(,|$)/y;

/** The method and its arguments; `@"file"` is the bytes of a file. Throws with what is wrong. */
export function parseCall(text) {
  const wrong = (why) => new Error(`--warm ${text}: ${why}; write it as Namespace.Class.Method("text", 3, @"file")`);
  const [, method, list] = METHOD.exec(text) ?? [];
  if (method === undefined) throw wrong('it is not a call');
  const values = [];
  VALUE.lastIndex = 0;
  for (let isMore = list.trim() !== ''; isMore;) {
    const found = VALUE.exec(list);
    if (found === null) throw wrong(`argument ${values.length + 1} is not text, a number, true, false or null`);
    const [, isFile, written, end] = found;
    const value = JSON.parse(written);
    if (isFile && typeof value !== 'string') throw wrong(`argument ${values.length + 1} should name a file`);
    values.push(isFile ? new Uint8Array(readFileSync(value)) : value);
    isMore = end === ',';
  }
  return { method, values };
}
