// Puts another module in the place of one, wherever `WebAssembly` is asked to compile it. All entry points are replaced while the
// hooks are installed; modules with other bytes pass through them unchanged.

/** The bytes of whatever `WebAssembly` takes as a module's bytes; undefined if it is something else. */
export function bytesOf(source) {
  if (source instanceof Uint8Array) return source;
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const isBuffer = source instanceof ArrayBuffer
    || (typeof SharedArrayBuffer !== 'undefined' && source instanceof SharedArrayBuffer);
  return isBuffer ? new Uint8Array(source) : undefined;
}

export function isSame(left, right) {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/**
 * Installs hooks, and returns a function that takes them away.
 *
 * `original` are the bytes that are recognized, `replacement` those that are compiled instead; `exports` the names that a program
 * may see of the replacement, all by default. `before` is given the program's imports and the options that it was compiled with, and returns the
 * imports that are passed on; `after` is given the instance and these, and returns the one that the program gets; or `failed`, if there is one, is
 * given them and the error. All three are for instances of the replacement only. `clock`, if there is one, is told
 * what took how long, in milliseconds; `other` the bytes of other modules, each before and after it was compiled; `linked` modules
 * that are instantiated and had been compiled before; `instantiated` instances of other modules, with these and their imports.
 */
export function installHooks({ original, replacement, exports, before, after, failed, clock, other, linked, instantiated }) {
  const genuine = WebAssembly;
  const { Module, Instance } = genuine;
  const names = ['Module', 'Instance', 'compile', 'instantiate', 'compileStreaming', 'instantiateStreaming'];
  const saved = new Map(names.map((name) => [name, Object.getOwnPropertyDescriptor(genuine, name)]));
  const { compile, instantiate, compileStreaming, instantiateStreaming } = genuine;
  // The options that modules were compiled with.
  const ours = new WeakMap();

  const recognizes = (source) => {
    const bytes = bytesOf(source);
    if (bytes === undefined) return false;
    const isOurs = original !== undefined && isSame(bytes, original);
    if (!isOurs) other?.(bytes);
    return isOurs;
  };
  const compiled = (source, module) => {
    const bytes = bytesOf(source);
    if (bytes !== undefined) other?.(bytes, module);
    return module;
  };
  const own = (module, options) => (ours.set(module, options), module);
  const timed = (what, work) => {
    if (!clock) return work();
    const started = performance.now();
    const finish = (result) => (clock(what, performance.now() - started), result);
    const result = work();
    return result instanceof Promise ? result.then(finish) : finish(result);
  };
  /** `make` gives an instance, or will give it later. */
  const tried = (imports, options, make) => {
    const given = before(imports, options);
    const refused = (error) => {
      failed?.(given, error);
      throw error;
    };
    let made;
    try {
      made = make(given);
    } catch (error) {
      refused(error);
    }
    return made instanceof Promise ? made.then((instance) => after(instance, given), refused) : after(made, given);
  };
  const target = (newTarget, proxy, plain) => (newTarget === proxy ? plain : newTarget);

  const exportsOf = (module) => {
    const all = Module.exports(module);
    return exports && ours.has(module) ? all.filter(({ name }) => exports.includes(name)) : all;
  };
  const HookedModule = new Proxy(Module, {
    construct(plain, [source, ...rest], newTarget) {
      const as = target(newTarget, HookedModule, plain);
      if (!recognizes(source)) return compiled(source, Reflect.construct(plain, [source, ...rest], as));
      return own(timed('compile', () => Reflect.construct(plain, [replacement, ...rest], as)), ...rest);
    },
    get: (plain, key) => (key === 'exports' ? exportsOf : Reflect.get(plain, key)),
  });
  const HookedInstance = new Proxy(Instance, {
    construct(plain, [module, imports], newTarget) {
      const as = target(newTarget, HookedInstance, plain);
      if (!ours.has(module)) {
        linked?.(module);
        const instance = Reflect.construct(plain, [module, imports], as);
        instantiated?.(module, imports, instance);
        return instance;
      }
      return tried(imports, ours.get(module), (given) => timed('instantiate', () => Reflect.construct(plain, [module, given], as)));
    },
  });
  const hooked = {
    Module: HookedModule,
    Instance: HookedInstance,
    async compile(source, ...rest) {
      if (!recognizes(source)) return compiled(source, await compile(source, ...rest));
      return own(await timed('compile', () => compile(replacement, ...rest)), ...rest);
    },
    async instantiate(source, imports, ...rest) {
      if (ours.has(source)) {
        return tried(imports, ours.get(source), (given) => timed('instantiate', () => instantiate(source, given, ...rest)));
      }
      if (!recognizes(source)) {
        if (bytesOf(source) === undefined) linked?.(source);
        const result = await instantiate(source, imports, ...rest);
        compiled(source, result.module);
        instantiated?.(result.module ?? source, imports, result.instance ?? result);
        return result;
      }
      if (clock) {
        const module = own(await timed('compile', () => compile(replacement, ...rest)), ...rest);
        return { module, instance: await hooked.instantiate(module, imports, ...rest) };
      }
      let module;
      const instance = await tried(imports, rest[0], async (given) => {
        const made = await instantiate(replacement, given, ...rest);
        module = own(made.module, ...rest);
        return made.instance;
      });
      return { module, instance };
    },
    async compileStreaming(source, ...rest) {
      const { response, bytes, isOurs } = await streamed(source);
      if (!isOurs) return compiled(bytes, await compileStreaming(response, ...rest));
      return own(await compile(replacement, ...rest), ...rest);
    },
    async instantiateStreaming(source, imports, ...rest) {
      const { response, bytes, isOurs } = await streamed(source);
      if (isOurs) return hooked.instantiate(original, imports, ...rest);
      const result = await instantiateStreaming(response, imports, ...rest);
      compiled(bytes, result.module);
      instantiated?.(result.module, imports, result.instance);
      return result;
    },
  };

  async function streamed(source) {
    const response = await source;
    // What is no response, or one that an engine refuses, is left to it.
    const type = response?.headers?.get?.('content-type') ?? '';
    // Parameters are not allowed (WebAssembly Web API, "compile a potential WebAssembly response").
    const isFit = response?.ok && type.trim().toLowerCase() === 'application/wasm';
    if (!isFit || response.bodyUsed) return { response, isOurs: false };
    const bytes = await response.clone().arrayBuffer();
    return { response, bytes, isOurs: recognizes(bytes) };
  }

  for (const [name, descriptor] of saved) {
    if (descriptor) Object.defineProperty(genuine, name, { ...descriptor, value: hooked[name] });
  }
  return () => {
    for (const [name, descriptor] of saved) if (descriptor) Object.defineProperty(genuine, name, descriptor);
  };
}

/** The imports that a module declares, from the program's import object. Nothing else of that is looked at. */
export function declaredImports(module, imports, change) {
  // Names of modules are anything, such as `__proto__`.
  const declared = Object.create(null);
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const source = imports?.[from];
    // The engine says what is wrong.
    if (source === null || (typeof source !== 'object' && typeof source !== 'function')) continue;
    declared[from] ??= Object.create(null);
    if (name in declared[from]) continue;
    declared[from][name] = change(source[name], { module: from, name, kind });
  }
  return declared;
}
