// An Extism plug-in whose table is built before it runs.
import { Config, Host, Var } from '@extism/as-pdk';

let squares = new Map<string, i64>();

export function myAbort(message: string | null, file: string | null, line: u32, column: u32): void {}

export function initialize(): void {
  for (let i: i64 = 0; i < 20000; i++) squares.set('k' + i.toString(), i * i);
}

/** The square of a key; counts the calls in a variable that the host keeps. */
export function square(): i32 {
  const key = Host.inputString();
  const before = Var.get('calls');
  const calls = before === null ? 1 : before[0] + 1;
  const after = new Uint8Array(1);
  after[0] = <u8>calls;
  Var.set('calls', after);
  const greeting = Config.get('greeting');
  const found = squares.has(key) ? squares.get(key).toString() : 'nothing';
  Host.outputString((greeting === null ? '' : greeting) + ' ' + key + ': ' + found + ', call ' + calls.toString());
  return 0;
}
