// The environment that Emscripten makes up (`ENV` in its library): the name of the program and the language of the browser are in it. Its
// functions have names of one letter in optimized code, so they are known by what they write.

const TEXT = 'USER=web_user\0';

function isEnvironment({ kind, memories }) {
  if (kind !== 'answer') return false;
  return memories.some(({ bytes }) => new TextDecoder('latin1').decode(bytes).includes(TEXT));
}

/** The import whose answer stands at `at`, if nothing else happened in between; else undefined. */
function importOf(events, at) {
  const call = events[at - 1];
  return events[at]?.kind === 'answer' && call?.kind === 'import' ? call : undefined;
}

/** The imports that give the environment: its texts, and how many there are. */
function environmentImports(events) {
  const found = new Set();
  events.forEach((event, at) => {
    const texts = isEnvironment(event) ? importOf(events, at) : undefined;
    if (!texts) return;
    found.add(texts.key.join('.'));
    // The sizes are asked for right before: two numbers are written, the second is the length of all texts.
    const sizes = importOf(events, at - 2);
    const length = events[at - 2]?.memories.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (sizes?.args.length === 2 && length > 0 && length <= 64) found.add(sizes.key.join('.'));
  });
  return found;
}

/**
 * The events without those imports, and without clocks, which need not be called again: what they wrote counts as the module's. So does what others
 * wrote that write other things each time.
 */
export function withoutEnvironment(events, clocks) {
  const imports = environmentImports(events);
  const kept = [];
  let changes = [];
  events.forEach((event, at) => {
    const call = event.kind === 'import' ? event : importOf(events, at);
    const isKnown = call && (imports.has(call.key.join('.')) || clocks.has(call.key.slice(0, 2).join('.')));
    const isLeftOut = isKnown && (call !== event || importOf(events, at + 1) === event);
    if (isLeftOut) {
      changes.push(event);
      return;
    }
    const all = [...changes, event];
    const joined = (part) => all.flatMap((one) => one[part]);
    const whole = { ...event, memories: joined('memories'), grown: joined('grown'), tables: joined('tables'), globals: joined('globals') };
    kept.push(event.isLoose ? { ...whole, memories: [] } : whole);
    changes = event.isLoose ? [{ ...event, memories: whole.memories, grown: [], tables: [], globals: [] }] : [];
  });
  return kept;
}
