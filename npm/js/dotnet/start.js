// Run time: starts .NET from a snapshot, under its own loader. It is put into the file that takes the place of `dotnet.js`.
import { Address } from './address.js';
import { Handles, Runtime } from './interop.js';
import { printable } from '../printable.js';

const SECTION = 'preinit.dotnet';
/** What may differ between the capture and a start: it is made again, or never looked at. */
const FREE_VARIABLES = ['TZ', 'LANG', 'PREINIT_CAPTURE', 'DOTNET_SYSTEM_GLOBALIZATION_INVARIANT'];
const ASSEMBLIES = ['coreAssembly', 'assembly'];
const FILES = ['jsModuleNative', 'jsModuleRuntime', 'wasmNative', ...ASSEMBLIES, 'lazyAssembly', 'icu', 'coreVfs', 'vfs'];

function filesOf(list) {
  if (list === undefined || list === null) return [];
  // Before .NET 10, names and hashes.
  if (!Array.isArray(list)) return Object.entries(list).map(([name, hash]) => [name, typeof hash === 'string' ? hash : null]);
  return list.map(({ name, hash, virtualPath }) => [name, hash ?? null, virtualPath ?? null]);
}

/** What of a boot configuration the state depends on, by names that a message can use. */
export function factsOf(config) {
  const resources = config.resources ?? {};
  const variables = Object.entries(config.environmentVariables ?? {}).filter(([name]) => !FREE_VARIABLES.includes(name));
  const isInvariant = config.globalizationMode === 'invariant' || filesOf(resources.icu).length === 0;
  const culture = isInvariant ? null : config.applicationCulture ?? config.environmentVariables?.LANG ?? languageOf();
  return {
    'files of the runtime or assemblies': FILES.map((kind) => filesOf(resources[kind]).map((file) => [kind, ...file]).sort()),
    'satellite assemblies': [
      config.loadAllSatelliteResources ?? false,
      ...Object.entries(resources.satelliteResources ?? {}).flatMap(([name, list]) => filesOf(list).map((file) => [name, ...file])).sort(),
    ],
    'application environment': config.applicationEnvironment ?? null,
    'environment variables': variables.sort(),
    'runtime configuration': config.runtimeConfig ?? null,
    'runtime options': config.runtimeOptions ?? [],
    'arguments of Main': config.applicationArguments ?? [],
    'working directory': config.virtualWorkingDirectory ?? null,
    'time zone': config.environmentVariables?.TZ ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    culture,
  };
}

/** The texts of settings files, which managed code may have read. `base` is the address of the loader. */
export async function settingsOf(config, base) {
  const texts = (config.appsettings ?? []).map(async (name) => {
    const url = new URL(name, base);
    try {
      return [name, new TextDecoder().decode(await bytesAt(url))];
    } catch {
      return [name, null];
    }
  });
  return Promise.all(texts);
}

async function bytesAt(url) {
  if (url.protocol === 'file:') {
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ 'node:fs/promises');
    return readFile(url);
  }
  const response = await fetch(url, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.arrayBuffer();
}

function languageOf() {
  return globalThis.navigator?.languages?.[0] ?? Intl.DateTimeFormat().resolvedOptions().locale;
}

/** The name of the first fact that differs. */
export function differing(expected, found) {
  return Object.keys(expected).find((fact) => JSON.stringify(expected[fact]) !== JSON.stringify(found[fact]));
}

function bytesOfBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

async function compiled(url) {
  if (url.protocol === 'file:') return WebAssembly.compile(await bytesAt(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  const isWasm = response.headers.get('content-type') === 'application/wasm';
  return isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

/** What stands at a path, a link itself; undefined if nothing does. */
function modeOf(FS, path) {
  try {
    return FS.lstat(path).mode;
  } catch {
    return undefined;
  }
}

/** Files in memory as they were: what is in them, where links lead, their modes, and the current directory. */
function restoreFiles({ FS, FS_createPath }, { files, directory }) {
  const { ignorePermissions } = FS;
  FS.ignorePermissions = true;
  try {
    for (const { path, mode, data, link } of files) {
      const parent = path.slice(0, path.lastIndexOf('/')) || '/';
      FS_createPath('/', parent, true, true);
      // What the loader has put there.
      const now = modeOf(FS, path);
      const stays = now !== undefined && FS.isDir(now) && FS.isDir(mode);
      if (now !== undefined && !stays) FS.isDir(now) ? FS.rmdir(path) : FS.unlink(path);
      if (link !== undefined) FS.symlink(link, path);
      else if (data !== undefined) FS.writeFile(path, bytesOfBase64(data), { canOwn: true });
      else if (!stays) FS.mkdir(path);
    }
    for (const { path, mode, link } of files) if (link === undefined) FS.chmod(path, mode & 0o7777);
    if (directory !== null) FS.chdir(directory);
  } finally {
    FS.ignorePermissions = ignorePermissions;
  }
}

/** Gives the loader a module that has been compiled, and sees its instance made. */
class Exchange {
  /** What the loader takes for a response, and for its bytes. */
  response = { ok: true, status: 200, headers: { get: () => 'application/wasm' }, arrayBuffer: async () => this.response };

  constructor(module, { prepare, invoker }) {
    const { compile, compileStreaming, instantiate } = WebAssembly;
    this.end = () => Object.assign(WebAssembly, { compile, compileStreaming, instantiate });
    WebAssembly.compile = async (source, ...rest) => (source === this.response ? module : compile(source, ...rest));
    WebAssembly.compileStreaming = async (source, ...rest) =>
      (await source) === this.response ? module : compileStreaming(source, ...rest);
    WebAssembly.instantiate = async (source, imports, ...rest) => {
      if (source !== module) return instantiate(source, imports, ...rest);
      this.end();
      prepare(imports, () => this.runtime);
      const instance = await instantiate(module, imports, ...rest);
      this.runtime = new Runtime(instance.exports, imports.env);
      const invoke = invoker?.(instance.exports.mono_wasm_invoke_jsexport, () => this.runtime);
      if (!invoke) return instance;
      const exports = Object.freeze({ ...instance.exports, mono_wasm_invoke_jsexport: invoke });
      return Object.create(WebAssembly.Instance.prototype, { exports: { value: exports, enumerable: true } });
    };
  }
}

/** A state that JavaScript completes: what the record of the snapshot says, done to a runtime that has just started. */
class Restored {
  #waiting;

  constructor(record, runtime, api, address) {
    this.address = address;
    this.record = record;
    this.runtime = runtime;
    this.api = api;
    this.#waiting = [...record.imports];
    this.main = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // Whoever calls runMain hears of it.
    this.main.catch(() => {});
  }

  async begin() {
    const { address, api, record, runtime } = this;
    address?.learnOwn(runtime);
    address?.wrapReading(api.INTERNAL);
    for (const { method, assembly, namespace, className, member, hash, signature } of record.exports) {
      runtime.lend(bytesOfBase64(signature), (at) => {
        address?.learn(method, runtime.signature(at).count);
        api.INTERNAL.mono_wasm_bind_cs_function(method, assembly, namespace, className, member, hash, at);
      });
    }
    const objects = [];
    for (const [number, kind, ...rest] of record.handles) objects.push([number, await this.#object(kind, ...rest)]);
    const handles = new Handles(runtime, api.INTERNAL);
    handles.restore(objects);
    handles.end();
    restoreFiles(api.Module, record);
    this.#bind(null);
    for (const [name, url] of Object.entries(record.modules)) {
      await api.INTERNAL.dynamic_import(name, url);
      this.#bind(name);
    }
    if (record.timer !== null) runtime.imports.mono_wasm_schedule_timer(record.timer);
    if (record.background) runtime.imports.schedule_background_exec();
    // As the runtime's script gives it; it was asked for it once.
    if (api.getConfig().environmentVariables?.LANG === undefined) {
      const [language = 'C'] = globalThis.navigator?.languages ?? [];
      api.setEnvironmentVariable('LANG', `${language.replace('-', '_')}.UTF-8`);
    }
    if (record.clearsTimeZone) {
      runtime.staticMethod('System.Private.CoreLib', 'System', 'TimeZoneInfo', 'ClearCachedData')?.();
    }
  }

  async #object(kind, ...rest) {
    if (kind === 'global') return rest[0].split('.').reduce((object, name) => object[name], { globalThis });
    if (kind === 'module') return this.api.INTERNAL.dynamic_import(...rest);
    // The promise of Main, which managed code keeps by number.
    return {
      resolve_or_reject: (type, handle, argument) => {
        this.runtime.imports.mono_wasm_release_cs_owned_object(handle);
        const FAILED = 29;
        const { int } = this.runtime.slot(argument, 0);
        if (type === FAILED) this.settle.reject(new Error(this.runtime.textOf(argument, 0) ?? 'Main failed'));
        else this.settle.resolve(int);
      },
    };
  }

  /** Binds imported functions of a module, whose functions are there now. Those that are not stay for later. */
  #bind(module) {
    this.#waiting = this.#waiting.filter((one) => {
      const bind = (at) => this.runtime.imports.mono_wasm_bind_js_import_ST(at);
      return one.module !== module || this.runtime.lend(bytesOfBase64(one.signature), bind) !== 0;
    });
  }

  /** Changes the runtime's interface, so that Main is not begun again. */
  intercept() {
    const { api, record } = this;
    const { setModuleImports, runMain, exit } = api;
    api.setModuleImports = (name, imports) => {
      setModuleImports(name, imports);
      this.#bind(name);
    };
    if (record.main.state === 'not begun') {
      api.runMain = async (...all) => (this.#checkBound(), runMain(...all));
      return;
    }
    let result;
    api.runMain = (name, given) => (result ??= this.#goOn(given));
    api.runMainAndExit = async (...all) => {
      const code = await api.runMain(...all);
      exit(code);
      return code;
    };
  }

  #checkBound() {
    for (const module of new Set(this.#waiting.map(({ module }) => module))) this.#bind(module);
    const [missing] = this.#waiting;
    if (missing === undefined) return;
    const name = missing.module === null ? missing.name : `${missing.name} of the module ${missing.module}`;
    throw new Error(printable(`preinit: .NET was given the function ${name} before the capture, and is not now`));
  }

  async #goOn(given) {
    const { main } = this.record;
    this.#checkBound();
    // Those of the configuration have been looked at before.
    if (given !== undefined && JSON.stringify(given) !== JSON.stringify(main.arguments)) {
      console.warn(printable(`preinit: Main ran before the capture, with ${JSON.stringify(main.arguments)}; ${JSON.stringify(given)} are not used`));
    }
    if (main.state === 'ended') return main.code;
    const path = main.resume.split('.');
    const exports = await this.api.getAssemblyExports(this.api.getConfig().mainAssemblyName);
    await this.#navigate();
    path.reduce((object, name) => object[name], exports)();
    return this.main;
  }

  /** Tells Blazor which page is open, if it is another one than that of the capture. */
  async #navigate() {
    const { api, record } = this;
    if (!record.address || !globalThis.location) return;
    const { href } = globalThis.location;
    if ((this.address?.in(href) ?? href) === record.address.href) return;
    const assembly = 'Microsoft.AspNetCore.Components.WebAssembly';
    const { Microsoft: microsoft } = await api.getAssemblyExports(assembly);
    const runtime = microsoft?.AspNetCore?.Components?.WebAssembly?.Services?.DefaultWebAssemblyJSRuntime;
    const state = globalThis.history?.state?.userState ?? null;
    runtime?.InvokeDotNet(assembly, 'NotifyLocationChanged', 0, JSON.stringify([href, state, false]));
  }
}

/**
 * A loader's interface with functions of ours at its turning points: `configured` when the boot configuration is there, `ready` when
 * managed code can run, `load` for files. Those of the program are called, too.
 */
export function interposed(loader, { configured, ready, load }) {
  const user = {};
  let api;
  const callbacks = {
    async onConfigLoaded(config, given) {
      api = given;
      await user.onConfigLoaded?.(config, api);
      await configured(config, api);
    },
    async onDotnetReady() {
      await ready(api);
      await user.onDotnetReady?.();
    },
  };
  const ours = (config) => {
    for (const name of Object.keys(callbacks)) if (config?.[name]) user[name] = config[name];
    return { ...config, ...callbacks };
  };
  const changed = {
    withModuleConfig: (config) => (loader.dotnet.withModuleConfig(ours(config)), dotnet),
    withOnConfigLoaded: (callback) => ((user.onConfigLoaded = callback), dotnet),
    withResourceLoader: (callback) => ((user.load = callback), dotnet),
    run: async () => (await dotnet.create()).runMainAndExit(),
  };
  const dotnet = new Proxy(loader.dotnet, {
    get(target, name) {
      if (Object.hasOwn(changed, name)) return changed[name];
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...all) => {
        const result = value.apply(target, all);
        return result === target ? dotnet : result;
      };
    },
  });
  loader.dotnet.withModuleConfig(callbacks).withResourceLoader((...asset) => load?.(...asset) ?? user.load?.(...asset));
  const createDotnetRuntime = (config) =>
    loader.default(typeof config === 'function' ? (given) => ours(config(given)) : ours(config));
  return { dotnet, exit: loader.exit, createDotnetRuntime };
}

/** Begins with what takes longest: the module of the snapshot, and the scripts that the loader wants next. See bundle.js for `given`. */
export function begun(given) {
  const module = compiled(new URL(given.snapshot, given.url));
  module.catch(() => {});
  for (const script of given.scripts) {
    import(/* webpackIgnore: true */ /* @vite-ignore */ new URL(script + new URL(given.url).search, given.url)).catch(() => {});
  }
  return module;
}

/** The loader's interface, over a start from the snapshot where that is possible; `module` is what `begun` gave. */
export function preinitialized(loader, given, module) {
  let exchange;
  let record;
  const without = (reason) => console.warn(printable(`preinit: the application starts without its snapshot: ${reason}`));

  let address;
  function prepare({ env }, runtime) {
    address?.wrap(env, runtime);
    // A monotonic clock goes on from where it was.
    const now = env.emscripten_get_now;
    const offset = record.clock - now();
    if (offset > 0) env.emscripten_get_now = () => now() + offset;
  }

  async function configured(config) {
    const settings = await settingsOf(config, given.url);
    const fact = differing(given.facts, { ...factsOf(config), 'settings files': settings });
    if (fact !== undefined) return without(`it was made with other ${fact}`);
    let snapshot;
    try {
      snapshot = await module;
      const [section] = WebAssembly.Module.customSections(snapshot, SECTION);
      if (!section) throw new Error('it has no record');
      record = JSON.parse(new TextDecoder().decode(section));
      if (record.id !== given.id) throw new Error('it is another one');
    } catch (error) {
      return without(`${given.snapshot}: ${error.message}`);
    }
    for (const kind of ASSEMBLIES) {
      if (config.resources[kind]) config.resources[kind] = Array.isArray(config.resources[kind]) ? [] : {};
    }
    // If all are loaded at the start they are in the state, and the runtime must not be given them twice.
    config.loadAllSatelliteResources = false;
    // The data for cultures is in the state; the loader would take its lack for a wish.
    if (given.facts.culture !== null) config.environmentVariables.DOTNET_SYSTEM_GLOBALIZATION_INVARIANT ??= '0';
    for (const kind of ['icu', 'corePdb', 'pdb']) delete config.resources[kind];
    const outside = globalThis.document && new URL('.', globalThis.document.baseURI).href;
    const inside = record.address?.base;
    if (inside && outside && inside !== outside) address = new Address({ inside, outside });
    exchange = new Exchange(snapshot, { prepare, invoker: address && ((...all) => address.invoker(...all)) });
  }

  async function ready(api) {
    if (!exchange) return;
    const restored = new Restored(record, exchange.runtime, api, address);
    await restored.begin();
    restored.intercept();
  }

  const load = (kind) => (exchange && kind === 'dotnetwasm' ? Promise.resolve(exchange.response) : undefined);
  return interposed(loader, { configured, ready, load });
}
