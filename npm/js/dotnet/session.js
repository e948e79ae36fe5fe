// The capture in the process of the application: .NET's own loader starts the module that shows its state, and when the program
// has come to where it should be, the state is read.
import { declaredImports, installHooks } from '../hooks.js';
import { printable } from '../printable.js';
import { Identities, readImports, readState } from '../read_state.js';
import { Address } from './address.js';
import { changesOf, filesOf, reasonsOf } from './files.js';
import { Handles, Runtime } from './interop.js';
import { Interpreter, optionsOfCapture } from './interpreter.js';
import { Ledger } from './ledger.js';
import { clearYoung, scrub } from './scrub.js';
import { factsOf, interposed, settingsOf } from './start.js';
import { holdsText } from './texts.js';
import { Variables } from './variables.js';

const CORE = 'System.Private.CoreLib';
/** The address that managed code believes to be at; nobody has it, so that it can be found again in the state. */
const STAND_IN = 'https://preinit-address.localhost';
/** A time zone that hardly anybody has, for the same purpose. */
const ZONE = 'Pacific/Marquesas';
/** Timers that are due later are not waited for, in milliseconds. */
const PATIENCE = 2000;
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Why there is no snapshot. */
export class Refusal extends Error {
  /** `needs` names what another attempt should be made with. */
  constructor(reasons, needs) {
    const shown = reasons.map((reason) => printable(reason));
    super(`no snapshot was made:${shown.map((reason) => `\n  ${reason}`).join('')}`);
    this.reasons = shown;
    this.needs = needs;
  }
}

export class Session {
  main = { state: 'not begun', arguments: [], code: 0, resume: null };
  #files = new Map();

  /** `original` and `probed` are the bytes of the module, `schema` says what to read; `options` as in cli.js. */
  constructor({ original, probed, schema, options }) {
    this.options = options;
    this.schema = schema;
    this.ledger = new Ledger(() => this.runtime, (text) => this.variables.hidden(text));
    const module = new WebAssembly.Module(original);
    this.uninstall = installHooks({
      original,
      replacement: probed,
      exports: schema.exports,
      before: (imports) => this.#before(module, imports),
      after: (instance) => this.#after(instance),
    });
  }

  #before(module, imports) {
    // Before anything that is known of it is replaced: the engine may refuse this one.
    if (this.runtime) throw new Error('.NET was started twice, and a snapshot has one state');
    this.identities = new Identities();
    this.real = imports.env;
    if (globalThis.document) {
      const outside = new URL('.', document.baseURI).href;
      const inside = this.options.address ?? `${STAND_IN}${new URL(outside).pathname}`;
      this.address = new Address({ inside, outside });
      this.inside = { base: inside, href: this.address.in(location.href) };
      this.address.wrap(imports.env, () => this.runtime);
    }
    const passed = declaredImports(module, imports, (value, declared) => this.ledger.wrap(value, declared));
    this.imported = readImports(passed, this.schema, this.identities, (index) => `before.${index}`, this.#write);
    this.passed = passed;
    return passed;
  }

  #after(instance) {
    if (this.runtime) throw new Error('.NET was started twice at once, and a snapshot has one state');
    this.runtime = new Runtime(instance.exports, this.real);
    const { mono_wasm_invoke_jsexport: invoke } = instance.exports;
    const invoker = this.address?.invoker(invoke, () => this.runtime) ?? invoke;
    const view = this.ledger.view(this.variables.watched(this.runtime), this.schema.exports, invoker);
    return Object.create(WebAssembly.Instance.prototype, { exports: { value: view, enumerable: true } });
  }

  #write = (file, bytes) => this.#files.set(file, bytes.slice());

  /** The loader's interface, set up for the capture. */
  interpose(loader, environment) {
    const over = interposed(loader, {
      configured: (config, api) => this.#configured(config, api),
      ready: () => this.#ready(),
    });
    this.variables = new Variables(environment);
    over.dotnet.withRuntimeOptions(optionsOfCapture).withEnvironmentVariables({ TZ: this.options.zone ?? ZONE, ...environment });
    return over;
  }

  async #configured(config, api) {
    this.api = api;
    const runtimeOptions = (config.runtimeOptions ?? []).filter((option) => !optionsOfCapture.includes(option));
    // As of now: the loader changes it later.
    // What was given for the capture alone is not asked for at a start.
    const own = Object.entries(config.environmentVariables ?? {}).filter(([name]) => !this.variables.has(name));
    this.facts = structuredClone(factsOf({ ...config, runtimeOptions, environmentVariables: Object.fromEntries(own) }));
    this.config = structuredClone({ ...config, runtimeOptions });
    this.facts['settings files'] = await settingsOf(this.config, this.options.url);
  }

  #ready() {
    this.ledger.ready();
    this.address?.learnOwn(this.runtime);
    this.address?.wrapReading(this.api.INTERNAL);
    this.interpreter = new Interpreter(this.runtime);
    this.filesBefore = filesOf(this.api.Module.FS);
  }

  /** Waits until nothing but a call from outside can make the program go on. */
  async quiet() {
    const deadline = performance.now() + this.options.wait * 1000;
    // What has been called back may begin something.
    for (let turns = 0; turns < 10;) {
      await turn();
      turns = this.ledger.isQuiet(PATIENCE) ? turns + 1 : 0;
      if (performance.now() > deadline) {
        const waiting = [...this.ledger.promises.values()].map((name) => `the answer of ${name} is waited for`);
        throw new Refusal([
          `the program does not come to rest within ${this.options.wait} s (--wait): ${waiting.join('; ') || 'timers keep it busy'}`,
        ]);
      }
    }
  }

  /** The arguments of Main: those that the program gives, or the command, or the configuration. */
  argumentsOf(given) {
    const { mainArguments } = this.options;
    return given ?? (mainArguments.length > 0 ? mainArguments : this.config.applicationArguments ?? []);
  }

  /** Runs Main until it has returned or waits at its capture point; or does not, if the state before it is wanted. */
  async runMain(run, given) {
    const { main, options } = this;
    if (options.at === 'start') return;
    // By this a program knows that it should wait. It cannot be taken away again, only be empty.
    this.api.setEnvironmentVariable('PREINIT_CAPTURE', '1');
    const exports = await this.api.getAssemblyExports(this.config.mainAssemblyName);
    main.resume = options.resume ?? capturePoint(exports);
    const isEndless = options.at === undefined && options.isPage && main.resume === null;
    if (isEndless) return;
    if (options.at === 'point' && main.resume === null) throw new Refusal(['there is no exported method CapturePoint.Resume (--resume)']);
    main.arguments = given;
    const before = new Set(this.ledger.tasks);
    main.state = 'waiting';
    let failure;
    run().then(
      (code) => Object.assign(main, { state: 'ended', code }),
      (error) => (failure = error ?? new Error('Main failed')),
    );
    const waits = member(exports, main.resume?.replace(/\w+$/, 'Waits'));
    // It begins with the next turn.
    while (this.ledger.tasks.size === before.size && main.state === 'waiting' && !failure) await turn();
    this.mainTask = [...this.ledger.tasks].find((number) => !before.has(number));
    const deadline = performance.now() + options.wait * 1000;
    // Without a capture point, Main may wait for a timer that is due much later.
    const goesOn = () => main.state === 'waiting' && (waits ? !waits() : main.resume === null && this.ledger.isDue);
    do {
      await turn();
      await this.quiet();
      if (failure) throw new Error(`Main failed: ${failure.stack ?? failure}`);
      if (performance.now() > deadline) throw new Refusal([`Main does not come to its capture point within ${options.wait} s (--wait)`]);
    } while (goesOn());
    if (main.state === 'waiting' && main.resume === null) {
      throw new Refusal([
        'Main does not return, and there is no capture point in it: put one there (--print-capture-point), or make the snapshot ' +
          'before Main begins (--at start)',
      ]);
    }
    if (main.state === 'waiting' && options.at === 'main') throw new Refusal(['Main does not return (--at main)']);
  }

  /** What a promise gives, if it does so while it is waited for. */
  async #inTime(promise, what) {
    const { wait } = this.options;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Refusal([`${what} does not end within ${wait} s (--wait)`])), wait * 1000);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }

  async warm(calls) {
    for (const { method, values } of calls) {
      const exports = await this.api.getAssemblyExports(this.options.assembly ?? this.config.mainAssemblyName);
      const found = member(exports, method);
      if (typeof found !== 'function') throw new Error(`--warm: there is no exported method ${method}`);
      await this.#inTime(found(...values), `--warm ${method}`);
    }
    await this.quiet();
  }

  #live() {
    const handles = new Handles(this.runtime, this.api.INTERNAL);
    const live = handles.live();
    handles.end();
    return live;
  }

  /** Which objects of JavaScript managed code holds, so that they can be made again; and those that cannot. */
  #objects() {
    const known = [];
    const reasons = [];
    for (const [number, object] of this.#live()) {
      const isPromise = typeof object.resolve_or_reject === 'function';
      // The runtime keeps those of calls that ended at once.
      if (isPromise && !this.ledger.tasks.has(number)) continue;
      if (isPromise && number === this.mainTask) {
        known.push([number, 'main']);
        continue;
      }
      const path = pathOf(object);
      const module = this.#modules.get(object);
      if (path) known.push([number, 'global', path]);
      else if (module) known.push([number, 'module', ...module]);
      else if (isPromise) reasons.push('an exported async method has not ended, and whoever called it would not hear of it');
      else reasons.push(`.NET holds an object of JavaScript, which would be missing: ${describe(object)}; dispose of it before the capture`);
    }
    return { known, reasons };
  }

  /** Collects the garbage, with what the linker has left of the methods for it; false if nothing. */
  async #collect() {
    const LAST_GENERATION = 1;
    const named = (name, parameters) => this.runtime.staticMethod(CORE, 'System', 'GC', name, parameters);
    const collect = named('Collect', 0) ?? named('InternalCollect', 1);
    const finalize = named('WaitForPendingFinalizers', 0);
    for (let times = 0; collect && times < 2; times++) {
      collect(LAST_GENERATION);
      finalize?.();
      await this.quiet();
    }
    return collect !== undefined;
  }

  #modules = new Map();

  /** The state, and what JavaScript must do to go on from it. */
  async capture() {
    const { api, ledger, options, runtime } = this;
    await this.quiet();
    for (const [name, url] of Object.entries(ledger.modules)) {
      // The runtime has it, or knows that it could not be had; then so does the program.
      const module = await api.INTERNAL.dynamic_import(name, url).catch(() => null);
      if (module === null) delete ledger.modules[name];
      else this.#modules.set(module, [name, url]);
    }
    // Nobody should wait at a start.
    if (options.at !== 'start') api.setEnvironmentVariable('PREINIT_CAPTURE', '');
    this.variables.clear(api);
    const { times } = ledger;
    const hasCollected = await this.#collect();
    clearYoung(runtime);
    await this.#collect();
    await this.quiet();
    const reasons = ledger.unexplained(options.allow).map(
      ([name, { count, asked }]) =>
        `the imported function ${name} was called (${count} times${asked.length > 0 ? `, with ${JSON.stringify(asked[0].slice(0, 80))}` : ''}), ` +
        'and what it did in JavaScript would be missing; call it after the capture, or use ' +
        `--allow '${name}' if nothing of it is needed`,
    );
    const objects = this.#objects();
    const files = filesOf(api.Module.FS);
    const changed = changesOf(this.filesBefore, files);
    reasons.push(...[...objects.reasons, ...reasonsOf(api.Module.FS, this.filesBefore, files)].map((reason) => this.variables.hidden(reason)));
    if (reasons.length > 0) throw new Refusal(reasons);
    const places = this.interpreter.release(this.config.runtimeOptions);
    const before = runtime.exports.memory.buffer.byteLength;
    const zeroed = scrub(runtime, (denies) => (ledger.deniesMemory = denies));
    const clock = ledger.now();
    const memory = runtime.bytes(0, runtime.exports.memory.buffer.byteLength);
    const clearsTimeZone = runtime.staticMethod(CORE, 'System', 'TimeZoneInfo', 'ClearCachedData') !== undefined;
    if (this.options.zone === undefined && !this.variables.has('TZ')) {
      if (!clearsTimeZone && holdsText(memory, ZONE)) throw new Refusal([], 'time zone');
      delete this.facts['time zone'];
    }
    // Main runs at each start, with those of then.
    if (this.main.state === 'not begun') delete this.facts['arguments of Main'];
    const isAt = this.inside && holdsText(memory, new URL(this.inside.base).host);
    const names = this.schema.memories.map((_, index) => `memory.${index}`);
    const state = readState(runtime.exports, this.schema, this.identities, names, this.#write, this.imported);
    const record = {
      exports: ledger.exports,
      imports: ledger.imports,
      modules: ledger.modules,
      handles: objects.known,
      ...changed,
      clock,
      timer: !ledger.isDue ? null : Math.max(0, Math.ceil(ledger.due - clock)),
      background: ledger.background,
      main: this.main,
      clearsTimeZone,
      address: isAt ? this.inside : null,
    };
    // Of no use to a start, and everybody can read what is in the snapshot.
    const answers = [...ledger.calls].map(([name, { count, answers }]) => ({ name, count, answers }));
    const said = {
      places, zeroed, memory: before, collected: hasCollected,
      random: ledger.random, times, cultures: ledger.cultures,
      variables: this.variables.left([memory, ...bytesIn(changed)]),
      hasTimeZones: runtime.classOf(CORE, 'System', 'TimeZoneInfo') !== 0,
    };
    return { state, files: this.#files, record, answers, facts: this.facts, said };
  }
}

const member = (exports, path) => path?.split('.').reduce((object, name) => object?.[name], exports);

/** The exported method that lets Main go on. */
function capturePoint(exports) {
  const found = [];
  const search = (object, path) => {
    for (const [name, value] of Object.entries(object)) {
      if (typeof value !== 'object' || value === null) continue;
      if (name === 'CapturePoint' && typeof value.Resume === 'function') found.push([...path, name, 'Resume'].join('.'));
      else search(value, [...path, name]);
    }
  };
  search(exports, []);
  return found[0] ?? null;
}

/** All bytes of files, and of their names. */
function bytesIn({ files, directory }) {
  const names = files.flatMap(({ path, link }) => [path, link ?? '']);
  return [new TextEncoder().encode([directory, ...names].join('\0')), ...files.flatMap(({ bytes }) => (bytes ? [bytes] : []))];
}

/** Where an object is to be found in every process. */
function pathOf(object) {
  if (object === globalThis) return 'globalThis';
  const FIXED = ['document', 'window', 'navigator', 'location', 'console', 'localStorage', 'sessionStorage', 'history', 'performance', 'crypto'];
  const name = FIXED.find((name) => globalThis[name] === object);
  return name && `globalThis.${name}`;
}

function describe(object) {
  if (typeof object === 'function') return `the function ${object.name || '(without a name)'}`;
  return `an object (${object.constructor?.name ?? 'without a class'})`;
}
