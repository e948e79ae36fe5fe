import _ from './node_modules/lodash-es/lodash.js';

const words = _.range(500).map((id) => ({ id, word: `w${(id * 7919) % 500}` }));
const byWord = _.keyBy(words, 'word');

export function run(input) {
  const [word, name] = input.split(' ');
  return JSON.stringify({
    found: _.get(byWord, [word, 'id'], null),
    groups: _.countBy(words, ({ id }) => id % 3),
    difference: _.difference([1, 2, 3], [2]),
    name: _.camelCase(name),
  });
}
