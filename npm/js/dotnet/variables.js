// Environment variables that are given for the capture alone (--env): their values should not be in the snapshot, which everybody can read.
import { printable } from '../printable.js';
import { holdsAnyText, placesOf, utf8 } from './texts.js';

/** No secrets: a start has its own TZ and LANG, and the state depends on the last one. */
const KEPT = ['TZ', 'LANG', 'DOTNET_SYSTEM_GLOBALIZATION_INVARIANT'];
/** Shorter texts stand everywhere. */
const SHORTEST = 4;
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The forms in which messages may have a value. */
const formsOf = (value) => [value, JSON.stringify(value).slice(1, -1), printable(value, Infinity), encodeURIComponent(value)];

export class Variables {
  #given;
  // Those whose values are looked for.
  #secrets;
  #runtime;
  /** Copies that the runtime makes and never frees: address and bytes. */
  #copies = [];

  /** `environment` has the values by name. */
  constructor(environment) {
    this.#given = new Map(Object.entries(environment));
    this.#secrets = new Map([...this.#given].filter(([name, value]) => !KEPT.includes(name) && value.length >= SHORTEST));
  }

  /** A text for a message, which others may read: with names in the place of values. */
  hidden(text) {
    const forms = new Map([...this.#secrets].flatMap(([name, value]) => formsOf(value).map((form) => [form, name])));
    if (forms.size === 0) return text;
    // One may be the beginning of another.
    const all = [...forms.keys()].sort((left, right) => right.length - left.length);
    return text.replace(new RegExp(all.map(escaped).join('|'), 'g'), (form) => `<value of ${forms.get(form)}>`);
  }

  has(name) {
    return this.#given.has(name);
  }

  /** The exports of a runtime, where it is seen which copies of values are made. */
  watched(runtime) {
    const { exports } = (this.#runtime = runtime);
    const { mono_wasm_setenv: set } = exports;
    const watched = (name, ...more) => {
      const value = this.#secrets.get(this.#textAt(name));
      if (value === undefined) return set(name, ...more);
      const before = this.#placesOf(value);
      const result = set(name, ...more);
      const copies = [...this.#placesOf(value)].filter((at) => !before.has(at));
      this.#copies.push(...copies.map((at) => [at, utf8(value)]));
      return result;
    };
    return Object.create(exports, set ? { mono_wasm_setenv: { value: watched, enumerable: true } } : {});
  }

  #textAt(pointer) {
    const memory = this.#memory;
    return new TextDecoder().decode(memory.slice(pointer, memory.indexOf(0, pointer)));
  }

  /** Where a value stands by itself, and not behind its name. */
  #placesOf(value) {
    const memory = this.#memory;
    return new Set([...placesOf(memory, utf8(`${value}\0`))].filter((at) => memory[at - 1] === 0));
  }

  get #memory() {
    return this.#runtime.bytes(0, this.#runtime.exports.memory.buffer.byteLength);
  }

  /** Leaves the variables empty; they cannot be taken away. What held their values is free then. */
  clear(api) {
    for (const name of this.#given.keys()) if (!KEPT.includes(name)) api.setEnvironmentVariable(name, '');
    const memory = this.#memory;
    for (const [at, bytes] of this.#copies) if (bytes.every((byte, index) => memory[at + index] === byte)) memory.fill(0, at, at + bytes.length);
  }

  /** The variables whose values are still somewhere in these bytes: the program has read them. */
  left(parts) {
    return [...this.#secrets].filter(([, value]) => parts.some((bytes) => holdsAnyText(bytes, value))).map(([name]) => name);
  }
}
