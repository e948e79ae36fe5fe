"""npm's packages: `preinit`, and `@preinit/wizer`, which replaces Wizer's."""

import json
import platform

TYPED = """
import preinit from 'preinit';
const path: string = preinit;
// @ts-expect-error: it is no number
const number: number = preinit;
console.log(path, number);
"""
TYPED_JS = """
/// <reference types="preinit/js/client" />
import bundled from 'virtual:preinit';
import { capture, Refusal, verify } from 'preinit/js';
import { preinit } from 'preinit/js/plugin';
import { preinitialized } from 'preinit/js/run';
const made = await capture({ wasm: 'a.wasm', out: new URL('file:///b.wasm'), run: async () => 7, noop: ['f'], constant: { g: 1n } });
const value: number = made.value;
// @ts-expect-error: run is missing
capture({ wasm: 'a.wasm' });
const plugins = [preinit({ wasm: 'a.wasm', run: () => 7, isStrict: true }), preinit({ wasm: 'a.wasm', script: 'b.mjs', allow: ['c'] })];
// @ts-expect-error: run is missing
plugins.push(preinit({ wasm: 'a.wasm' }));
console.log(bundled.instances);
const state = preinitialized<number>();
const verdict = await verify({ original: 'a', snapshot: 'b', script: 'c' });
console.log(value + state.value, verdict.equal, new Refusal([]).reasons.length);
"""
TYPED_RUN_CJS = "import { preinitialized } from 'preinit/js/run';\nconst n: number = preinitialized().instances;\nconsole.log(n);\n"
# The module has a start function, so that there is something to capture.
JS = """
import { capture } from 'preinit/js';
import { preinitialized } from 'preinit/js/run';
import { createRequire } from 'node:module';
const wasm = Uint8Array.from(Buffer.from(
  '0061736d010000000104016000000302010005030100010801000a0b010900410841073602000b', 'hex'));
preinitialized().restore();
const required = createRequire(import.meta.url)('preinit/js/run');
required.preinitialized().restore();
const made = await capture({ wasm, run: async () => (await WebAssembly.instantiate(wasm), { a: 1 }) });
const state = preinitialized();
await WebAssembly.instantiate(made.wasm);
console.log(JSON.stringify([state.value, made.needsRuntime, WebAssembly.validate(made.wasm)]));
"""
TYPED_CJS = TYPED.replace("import preinit from 'preinit'", "import preinit = require('preinit')")


def check(checks):
    """Packs, installs into empty folders, and runs."""
    packages = checks.empty("npm-packages")
    cpu = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    build = f"linux-{cpu}"
    core = checks.target / "core.wasm"
    if not core.exists():
        print("    NOT CHECKED: preinit/js: there is no core (npm/js/core/build.sh TARGET_DIR target/core.wasm)")
    js = ["--core", core] if core.exists() else []
    checks.run(["node", checks.root / "npm/pack.mjs", "--out", packages, *js, f"{build}={checks.preinit}"])
    version = checks.version.split()[1]

    def packed(name):
        return packages / f"{name}-{version}.tgz"

    check_command(checks, packed("preinit"), packed(f"preinit-{build}"))
    check_types(checks, packed("preinit"), bool(js))
    if js:
        check_js(checks, packed("preinit"))
    check_stand_in(checks, packed("preinit-wizer"), {f"@preinit/wizer-{build}": packed(f"preinit-wizer-{build}")})
    incomplete = checks.run(
        ["node", checks.root / "npm/pack.mjs", "--out", packages, "--complete", f"{build}={checks.preinit}"], expect=2
    )
    checks.holds("a release needs all platforms", "no binary for" in incomplete.stderr, incomplete.stderr)


def install(checks, folder, *packages):
    """npm install, without looking anything up that is given."""
    checks.run(["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", *packages], folder)


def check_command(checks, launcher, binary):
    """`npx preinit`, both kinds of import, and what is said if the binary is not there."""
    folder = checks.empty("npm")
    (folder / "package.json").write_text("{}")
    install(checks, folder, launcher, binary)
    checks.works("npx preinit", ["npx", "--no-install", "preinit"], folder)
    script = "import preinit from 'preinit'; process.stdout.write(preinit)"
    imported = checks.run(["node", "--input-type=module", "-e", script], folder).stdout
    required = checks.run(["node", "-e", "process.stdout.write(require('preinit'))"], folder).stdout
    checks.equal("import and require give the same path", imported, required)
    checks.works("the default export", [imported], folder)
    piped = checks.run(["bash", "-c", f"npx --no-install preinit --no-cache < {checks.module} > piped.wasm"], folder)
    same = (folder / "piped.wasm").read_bytes() == checks.snapshot.read_bytes()
    checks.holds("npx preinit as a filter", same, piped.stderr)

    alone = checks.empty("npm-alone")
    (alone / "package.json").write_text("{}")
    checks.run(["npm", "install", "--no-fund", "--no-audit", "--omit=optional", "--loglevel=error", launcher], alone)
    missing = checks.run(["npx", "--no-install", "preinit", "--version"], alone, expect=1).stderr
    checks.holds("a missing binary is explained", "is not installed" in missing and "--omit=optional" in missing, missing)


def check_js(checks, launcher):
    """A snapshot under JavaScript, where no binary is installed."""
    folder = checks.empty("npm-js")
    (folder / "package.json").write_text("{}")
    install(checks, folder, "--omit=optional", launcher)
    (folder / "js.mjs").write_text(JS)
    printed = checks.run(["node", "js.mjs"], folder).stdout
    checks.equal("preinit/js", printed.strip(), '[{"a":1},true,true]')


def check_types(checks, launcher, has_js):
    """The types, as an ES module and as CommonJS."""
    folder = checks.empty("npm-types")
    (folder / "package.json").write_text("{}")
    install(checks, folder, "--omit=optional", launcher, "typescript@5.9.3", "@types/node@24")
    (folder / "esm.mts").write_text(TYPED)
    (folder / "cjs.cts").write_text(TYPED_CJS)
    if has_js:
        (folder / "js.mts").write_text(TYPED_JS)
        (folder / "run.cts").write_text(TYPED_RUN_CJS)
    options = ["--noEmit", "--strict", "--module", "nodenext", "--types", "node"]
    done = checks.run(["npx", "--no-install", "tsc", *options, *sorted(folder.glob("*.?ts"))], folder)
    checks.equal("TypeScript's types", done.stdout, "")


def check_stand_in(checks, launcher, binary):
    """A package that depends on Wizer's gets this one by an override."""
    client = checks.empty("client")
    description = {"name": "client", "version": "1.0.0", "type": "module", "main": "index.js"}
    description["dependencies"] = {"@bytecodealliance/wizer": "^10.0.0"}
    (client / "package.json").write_text(json.dumps(description))
    (client / "index.js").write_text("export { default } from '@bytecodealliance/wizer';")
    folder = checks.empty("npm-wizer")
    depends = {"client": f"file:{client}", **{name: f"file:{file}" for name, file in binary.items()}}
    overrides = {"@bytecodealliance/wizer": f"file:{launcher}"}
    (folder / "package.json").write_text(json.dumps({"dependencies": depends, "overrides": overrides}))
    install(checks, folder, "--install-links")
    script = "import wizer from 'client'; process.stdout.write(wizer)"
    path = checks.run(["node", "--input-type=module", "-e", script], folder).stdout
    checks.equal("the stand-in's binary is named wizer", path.rsplit("/", 1)[1], "wizer")
    out = folder / "out.wasm"
    done = checks.run([path, "-f", "preinit", checks.module, "-o", out], folder)
    checks.equal("the stand-in's snapshot", out.read_bytes() == checks.snapshot.read_bytes(), True)
    checks.equal("the stand-in says nothing", done.stdout + done.stderr, "")
    done = checks.run(["npx", "--no-install", "wizer", "-f", "preinit", checks.module, "-o", out], folder)
    checks.equal("npx wizer says nothing", done.stdout + done.stderr, "")
