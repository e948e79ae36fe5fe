// Asks a RubyVM: node answers.mjs MODULE cold|ready. A cold one is initialized first, as the package does it, and loads the
// program; a ready one has been.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';
import { RubyVM } from '@ruby/wasm-wasi';

const [file, state] = process.argv.slice(2);
const program = `
  require 'json'; require 'set'; require 'erb'
  $squares = (0...1000).to_h { |i| ["k#{i}", i * i] }
  def answer(key) = JSON.generate({ key: key, square: $squares[key], match: key[/\\d+/] })`;

const module = new WebAssembly.Module(readFileSync(file));
const begin = performance.now();
const wasi = new WASI({ version: 'preview1', returnOnExit: true });
const vm = new RubyVM();
const imports = { wasi_snapshot_preview1: wasi.wasiImport };
vm.addToImports(imports);
const instance = new WebAssembly.Instance(module, imports);
await vm.setInstance(instance);
wasi.initialize(instance);
if (state === 'cold') {
  vm.initialize(['ruby.wasm', '-EUTF-8', '-e_=0', '-r/bundle/setup']);
  vm.eval(program);
}
const answers = [
  vm.eval('answer("k7")').toString(),
  vm.eval('answer("none")').toString(),
  vm.eval('ERB.new("<%= Set.new([1, 1, 2]).size %>").result').toString(),
  vm.eval('require "js"; JS.global[:Math].call(:max, 3, 5).to_i + JS.eval("return 2").to_i').toString(),
  vm.eval('JS::Null == JS.eval("return null")').toString(),
  vm.eval('[RUBY_VERSION, $PROGRAM_NAME, Encoding.default_external.to_s, defined?(Gem).to_s].inspect').toString(),
  vm.eval('begin; raise ArgumentError, "wrong"; rescue => e; e.message; end').toString(),
  vm.eval('Time.now.year').toString(),
  vm.eval('GC.start; ObjectSpace.count_objects[:T_STRING] > 1000').toString(),
  String(vm.wrap({ hello: 1 }).call('inspect').toString()),
];
console.error(`${state}: ${Math.round(performance.now() - begin)} ms from instantiation to the answers`);
console.log(JSON.stringify(answers, null, 1));
