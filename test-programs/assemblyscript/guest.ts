// Objects, a Map, strings and closures' function-table entries on AssemblyScript's own heap. The start section
// constructs the globals; init fills them.

class Entry {
  constructor(public name: string, public weight: i32) {}
}

const entries = new Map<string, Entry>();
const transforms: Array<(x: i32) => i32> = [];
let ready = false;

export function preinit(): void {
  for (let i = 0; i < 500; i++) {
    const name = "entry" + (i * 31 % 997).toString();
    entries.set(name, new Entry(name, i * i));
  }
  transforms.push((x: i32): i32 => x + 1);
  transforms.push((x: i32): i32 => x * 3);
  transforms.push((x: i32): i32 => ~x);
  ready = true;
}

export function query(n: i32): i32 {
  if (!ready) return -1;
  const name = "entry" + (n % 997).toString();
  const weight = entries.has(name) ? entries.get(name).weight + entries.get(name).name.length : -7;
  return transforms[abs(n) % 3](weight) + entries.size;
}
