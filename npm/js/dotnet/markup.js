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
