// Text that others wrote, made fit to be shown: names that come from a module, and messages with such names in them, may hold anything.

// Control characters, such that change the direction of writing, letters that look like spaces, and whatever else does not print; ends of lines and paragraphs.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]/gu;

/** Text as one line. What does not print is escaped; a text that is longer than `longest` loses its middle. */
export function printable(text, longest = 1000) {
  const all = String(text);
  const end = Math.floor(longest * 0.3);
  const shown = all.length > longest ? `${all.slice(0, longest - end)}…${all.slice(-end)}` : all;
  return shown.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

/** The same of text that has several lines. None but the first begins where a message does. */
export function printableLines(text) {
  const [first, ...others] = String(text).split('\n').map((line) => printable(line));
  return [first, ...others.map((line) => (line === '' || line.startsWith('  ') ? line : `  ${line}`))].join('\n');
}
