// What a program has from before `preinit/js` is there: to be imported first.
export const { Global, Instance, Memory, Module, Table, instantiate } = WebAssembly;
export const { setImmediate, setInterval, setTimeout } = globalThis;
