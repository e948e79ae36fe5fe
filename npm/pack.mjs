#!/usr/bin/env node
// Makes the npm packages from binaries that have been built:
//
//     node npm/pack.mjs --out FOLDER [--core CORE.wasm] linux-x64=target/release/preinit [PLATFORM=BINARY ...]
//
// FOLDER gets one .tgz a package: `preinit` and `@preinit/wizer`, and for each of them one package a platform, with the
// binary. The two depend on the platforms that are given; a release gives all of platforms.json (--complete). `preinit` has `preinit/js` if its core is given, which
// npm/js/core/build.sh makes; a release has it.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { assemble } from './js/assemble.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const platforms = JSON.parse(readFileSync(join(here, 'platforms.json'), 'utf8'));

/** What is published twice: by its own name, and with a binary named `wizer`, which behaves as Wizer does. */
const products = [
  {
    name: 'preinit',
    packages: '@preinit/',
    binary: 'preinit',
    readme: 'preinit.md',
    what: manifest('description'),
    hasJs: true,
  },
  {
    name: '@preinit/wizer',
    packages: '@preinit/wizer-',
    binary: 'wizer',
    readme: 'wizer.md',
    what: 'preinit under the name of Wizer, as a replacement for @bytecodealliance/wizer',
  },
];

/** A string of the [package] table of Cargo.toml. */
function manifest(key) {
  const table = readFileSync(join(root, 'Cargo.toml'), 'utf8').split(/^\[/m).find((text) => text.startsWith('package]'));
  const value = table?.match(new RegExp(`^${key} *= *"(.*)"$`, 'm'))?.[1];
  if (value === undefined) throw new Error(`Cargo.toml: [package] has no ${key} = "..." on one line`);
  return value;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, core: { type: 'string' }, complete: { type: 'boolean', default: false } },
  });
  if (values.out === undefined || positionals.length === 0) {
    throw new Error('usage: pack.mjs --out FOLDER [--core CORE.wasm] [--complete] PLATFORM=BINARY ...');
  }
  const builds = new Map();
  for (const argument of positionals) {
    const [platform, binary] = [argument.slice(0, argument.indexOf('=')), argument.slice(argument.indexOf('=') + 1)];
    if (!Object.hasOwn(platforms, platform)) {
      throw new Error(`${argument}: should be PLATFORM=BINARY; the platforms are ${Object.keys(platforms).join(', ')}`);
    }
    if (!statSync(binary, { throwIfNoEntry: false })?.isFile()) throw new Error(`${binary}: no such file`);
    builds.set(platform, binary);
  }
  const missing = Object.keys(platforms).filter((platform) => !builds.has(platform));
  if (values.complete && missing.length > 0) throw new Error(`no binary for ${missing.join(', ')}`);
  if (values.complete && values.core === undefined) throw new Error('no --core');
  return { out: resolve(values.out), core: values.core, builds };
}

const common = { version: manifest('version'), license: manifest('license') };

function platformPackage(product, platform, binary, folder) {
  const { target, os, cpu, libc } = platforms[platform];
  const file = product.binary + (os === 'win32' ? '.exe' : '');
  copyFileSync(binary, join(folder, file));
  chmodSync(join(folder, file), 0o755);
  writeFileSync(join(folder, 'README.md'), `The binary of \`${product.name}\` for ${target}. Install \`${product.name}\`.\n`);
  return {
    name: product.packages + platform,
    ...common,
    description: `The binary of ${product.name} for ${target}`,
    preferUnplugged: true,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
  };
}

/** The entry points of `preinit/js`. */
const JS = {
  './js': { types: './js/index.d.ts', browser: './js/browser.js', default: './js/index.js' },
  './js/client': { types: './js/client.d.ts' },
  './js/plugin': { types: './js/plugin.d.ts', default: './js/plugin.js' },
  './js/run': {
    import: { types: './js/run.d.ts', default: './js/run.js' },
    require: { types: './js/run.d.cts', default: './js/run.cjs' },
  },
  './js/replay': {
    import: { types: './js/replay.d.ts', default: './js/replay.js' },
    require: { types: './js/replay.d.cts', default: './js/replay.cjs' },
  },
};

function launcherPackage(product, builds, core, folder) {
  const hasJs = product.hasJs && core !== undefined;
  if (hasJs) {
    assemble(core, join(folder, 'js'));
    // For `dotnet publish`.
    cpSync(join(here, 'build'), join(folder, 'build'), { recursive: true });
  }
  cpSync(join(here, 'launcher'), folder, { recursive: true });
  const readme = readFileSync(join(here, product.readme), 'utf8').replaceAll('VERSION', common.version);
  writeFileSync(join(folder, 'README.md'), readme);
  return {
    name: product.name,
    ...common,
    description: product.what,
    keywords: ['wasm', 'webassembly', 'wizer', 'snapshot', 'startup'],
    type: 'module',
    bin: { [product.binary]: 'cli.js' },
    exports: {
      '.': {
        import: { types: './index.d.ts', default: './index.js' },
        require: { types: './binary.d.cts', default: './binary.cjs' },
      },
      ...(hasJs && JS),
      './package.json': './package.json',
    },
    main: './binary.cjs',
    types: './index.d.ts',
    engines: { node: '>=18' },
    optionalDependencies: Object.fromEntries(
      [...builds.keys()].map((platform) => [product.packages + platform, common.version]),
    ),
    preinit: { packages: product.packages, binary: product.binary },
  };
}

/** Fills a folder by `fill`, which returns the package's description, and packs it. */
function pack(out, fill) {
  const folder = mkdtempSync(join(tmpdir(), 'preinit-npm-'));
  try {
    const description = fill(folder);
    copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify(description, null, 2) + '\n');
    const shell = process.platform === 'win32';
    const printed = execFileSync('npm', ['pack', '--json', '--pack-destination', out], { cwd: folder, encoding: 'utf8', shell });
    const [{ filename, size }] = Object.values(JSON.parse(printed));
    console.log(`${(size / 1e6).toFixed(2).padStart(6)} MB  ${filename}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

try {
  const { out, core, builds } = readArguments();
  mkdirSync(out, { recursive: true });
  for (const product of products) {
    for (const [platform, binary] of builds) pack(out, (folder) => platformPackage(product, platform, binary, folder));
    pack(out, (folder) => launcherPackage(product, builds, core, folder));
  }
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}
