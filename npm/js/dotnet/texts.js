// Texts in bytes of a program: as C keeps them, and as managed code does.

export const utf8 = (text) => new TextEncoder().encode(text);

export function utf16(text) {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(2 * index, text.charCodeAt(index), true);
  return bytes;
}

/** Where these bytes stand. */
export function* placesOf(memory, wanted) {
  for (let at = memory.indexOf(wanted[0]); at !== -1; at = memory.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, index) => memory[at + index] === byte)) yield at;
  }
}

const has = (memory, wanted) => !placesOf(memory, wanted).next().done;

/** Whether a memory has a text as managed code keeps it. */
export const holdsText = (memory, text) => has(memory, utf16(text));

/** Whether it has the text in any form. */
export const holdsAnyText = (memory, text) => has(memory, utf8(text)) || holdsText(memory, text);
