import { parse, version } from './node_modules/acorn/dist/acorn.mjs';

const parsed = parse('const a = 1; class B { #c = async () => `x${a}` }', { ecmaVersion: 2024, sourceType: 'module' });

export function run(input) {
  try {
    const { body } = parse(input, { ecmaVersion: 2024 });
    return JSON.stringify({ version, parsed: parsed.body.length, body: body.map(({ type }) => type) });
  } catch (error) {
    return String(error);
  }
}
