// Counts what kinds of syntax the program on standard input is made of. lodash and acorn stand before this in the bundle.
const builtIns = new Map(Object.getOwnPropertyNames(globalThis).map((name) => [name, typeof globalThis[name]]));

// What is above is in the snapshot.
const program = std.in.readAsString();
const tokens = [...acorn.tokenizer(program, { ecmaVersion: 2022 })];
console.log(JSON.stringify(_.countBy(tokens, (token) => token.type.label)));
const names = _.uniq(_.map(_.filter(tokens, (token) => token.type.label === 'name'), 'value'));
console.log(names.filter((name) => builtIns.has(name)).join(' '));
if (tokens.length === 0) std.exit(3);
