// Parts of preinit dotnet that need no .NET: node units.mjs JS
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check, finish } from './command.mjs';

const js = resolve(process.argv[2]);
const load = (name) => import(pathToFileURL(join(js, 'dotnet', name)));
const { Address } = await load('address.js');
const { parseCall } = await load('call.js');
const { differing, factsOf } = await load('start.js');

const inside = 'https://preinit-address.localhost/app/';
for (const outside of ['http://localhost:8080/app/', 'https://shop.example/', 'http://127.0.0.1/a/b/']) {
  const address = new Address({ inside, outside });
  const { origin, host, protocol } = new URL(outside);
  const socket = protocol === 'https:' ? 'wss' : 'ws';
  const pairs = [
    [`${inside}page?x=1#y`, `${outside}page?x=1#y`],
    [`["${inside}a","${inside}b"]`, `["${outside}a","${outside}b"]`],
    ['https://preinit-address.localhost', origin],
    ['https://preinit-address.localhost/other', `${origin}/other`],
    ['wss://preinit-address.localhost/hub', `${socket}://${host}/hub`],
    [`next=${encodeURIComponent(`${inside}home`)}`, `next=${encodeURIComponent(`${outside}home`)}`],
    ['nothing of it', 'nothing of it'],
  ];
  for (const [within, without] of pairs) {
    check(`to ${outside}: ${within}`, address.out(within) === without, address.out(within));
    check(`from ${outside}: ${without}`, new URL(outside).pathname === '/' || address.in(without) === within, address.in(without));
  }
}
const near = new Address({ inside, outside: 'http://localhost/' });
for (const text of ['http://localhost:8080/', 'http://localhost.example/', 'http://localhosts', 'ftp://localhost/']) {
  check(`another address stays: ${text}`, near.in(text) === text, near.in(text));
}

for (const [text, method, values] of [
  ['Catalog.Init()', 'Catalog.Init', []], ['A.B.C("x, \\"y\\")", -1.5e3, true, null)', 'A.B.C', ['x, "y")', -1500, true, null]], [' F( 1 ) ', 'F', [1]],
]) {
  check(`a call: ${text}`, JSON.stringify(parseCall(text)) === JSON.stringify({ method, values }), JSON.stringify(parseCall(text)));
}
for (const text of ['', 'F', 'F(', 'F(,)', 'F(1,)', 'F(1 2)', 'F(@1)', 'F("a)', '1F()']) {
  let refused;
  try {
    parseCall(text);
  } catch (error) {
    refused = error.message;
  }
  check(`no call: ${text}`, refused?.startsWith('--warm'), refused ?? 'it was taken');
}

const config = {
  applicationEnvironment: 'Production', globalizationMode: 'sharded', applicationCulture: 'de', runtimeOptions: [],
  environmentVariables: { A: '1', TZ: 'UTC', LANG: 'de' },
  resources: { assembly: [{ name: 'a.wasm', hash: 'sha256-1' }], icu: [{ name: 'icudt.dat', hash: 'sha256-2' }], wasmNative: { 'dotnet.native.wasm': 'sha256-3' } },
};
const facts = factsOf(config);
check('the same configuration does not differ', differing(facts, factsOf(structuredClone(config))) === undefined);
for (const [expected, change] of [
  ['files of the runtime or assemblies', (other) => (other.resources.assembly[0].hash = 'sha256-9')],
  ['files of the runtime or assemblies', (other) => other.resources.assembly.push({ name: 'b.wasm' })],
  ['files of the runtime or assemblies', (other) => (other.resources.wasmNative['dotnet.native.wasm'] = 'sha256-9')],
  ['application environment', (other) => (other.applicationEnvironment = 'Staging')],
  ['environment variables', (other) => (other.environmentVariables.A = '2')],
  ['environment variables', (other) => (other.environmentVariables.B = '2')],
  ['runtime options', (other) => other.runtimeOptions.push('--trace')],
  ['time zone', (other) => (other.environmentVariables.TZ = 'Europe/Oslo')],
  ['culture', (other) => (other.applicationCulture = 'fr')],
]) {
  const other = structuredClone(config);
  change(other);
  check(`it differs: ${expected}`, differing(facts, factsOf(other)) === expected, differing(facts, factsOf(other)));
}
const invariant = { ...structuredClone(config), globalizationMode: 'invariant' };
check('without cultures their names do not matter', differing(factsOf(invariant), factsOf({ ...invariant, applicationCulture: 'fr' })) === undefined);
finish();
