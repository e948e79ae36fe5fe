// Finds things in texts of others, in a time that grows as the text does: a pattern that looks for an end from each beginning would not.

/** The tags of a name, from its `<` on and without their `>`; `at` is where they begin. The last one may have no end. */
export function tagsOf(text, name) {
  const beginning = new RegExp(`<${name}\\b`, 'gi');
  const found = [];
  for (let begun = beginning.exec(text); begun !== null; begun = beginning.exec(text)) {
    const end = text.indexOf('>', begun.index);
    const tag = text.slice(begun.index, end === -1 ? text.length : end);
    found.push({ at: begun.index, tag });
    beginning.lastIndex = begun.index + tag.length;
  }
  return found;
}

/** The text with what `change` makes of the tags of a name. */
export function withTags(text, name, change) {
  let [changed, end] = ['', 0];
  for (const { at, tag } of tagsOf(text, name)) {
    changed += text.slice(end, at) + change(tag);
    end = at + tag.length;
  }
  return changed + text.slice(end);
}

/** What stands between two marks, the first of each; undefined if they are not there. */
export function between(text, beginning, end) {
  const at = text.indexOf(beginning);
  const to = at === -1 ? -1 : text.indexOf(end, at + beginning.length);
  return to === -1 ? undefined : text.slice(at + beginning.length, to);
}

/** A page without its comments. */
export function withoutComments(text) {
  let [kept, end] = ['', 0];
  for (let at = text.indexOf('<!--'); at !== -1; at = text.indexOf('<!--', end)) {
    kept += text.slice(end, at);
    const to = text.indexOf('-->', at + 2);
    end = to === -1 ? text.length : to + 3;
  }
  return kept + text.slice(end);
}

const NUMBERED = /&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));/gi;

/** The value of an attribute of a tag, as a browser takes it; undefined if there is none. */
export function attributeOf(tag, name) {
  const found = new RegExp(`(?<=[\\s"'/])${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"']+))`, 'i').exec(tag);
  const character = (_, hex, decimal) => {
    const code = Number.parseInt(hex ?? decimal, hex ? 16 : 10);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
  };
  return found?.slice(1).find((one) => one !== undefined).replace(NUMBERED, character).replaceAll('&amp;', '&');
}
