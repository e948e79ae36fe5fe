// A program with a library; what stands outside of functions is done beforehand.
import _ from './node_modules/lodash-es/lodash.js';

const words = _.range(5000).map((id) => ({ id, word: `w${(id * 7919) % 5000}` }));
const byWord = _.keyBy(words, 'word');

export function find(word) {
  return JSON.stringify({ id: _.get(byWord, [word, 'id'], null), name: _.camelCase(word), sizes: _.countBy(words, ({ id }) => id % 3) });
}
