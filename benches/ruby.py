#!/usr/bin/env python3
"""Makes ruby.wasm, an input of benches/compare.py: Ruby 3.4 as npm has it, which initializes itself and a small program.

    npm install @ruby/3.4-wasm-wasi binaryen
    python3 benches/ruby.py node_modules/@ruby/3.4-wasm-wasi/dist/ruby.wasm FOLDER
    python3 benches/compare.py --ruby FOLDER/ruby.wasm

The package's module is a reactor whose functions take strings, and which imports glue for JavaScript. Binaryen's
`wasm-merge` (on PATH or in WASM_MERGE, which may be several words) puts it together with functions that call them and with
stand-ins for the glue. The interpreter itself is as it was.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

BOOT = """$index = {}
3000.times { |i| ($index["word#{i * 7919 % 3011}"] ||= []) << i }
class Doc
  attr_reader :text, :weight
  def initialize(text, weight) = (@text, @weight = text, weight)
  def score(query) = (@text =~ /#{query}/ ? 1 : 0) + @weight
end
$docs = (0...500).map { |i| Doc.new("doc #{i} lorem ipsum #{i * i}", i % 97) }
$sum = $docs.sum { |doc| doc.score("ipsum") }
$calls = 0
0.to_s"""
# The digits replace the blanks.
QUERY = """n =           ; $calls += 1
(($index["word#{n % 3011}"] || [0]).sum + $docs[n % 500].score("9") + $sum + $calls * 1003).to_s"""
ARGUMENTS = ["ruby.wasm", "-EUTF-8", "--disable-gems", "-e_=0"]
FEATURES = [f"--enable-{name}" for name in (
    "bulk-memory", "bulk-memory-opt", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "reference-types", "multivalue",
    "simd", "multimemory")]
TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    ruby, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    command = [*shlex.split(os.environ.get("WASM_MERGE", "wasm-merge")), *FEATURES]
    for name, text in [*stand_ins(ruby.read_bytes()), ("glue", glue())]:
        path = folder / f"{name}.wat"
        path.write_text(text)
        if name == "glue":
            command += [str(ruby), "ruby"]
        command += [str(path), name]
    subprocess.run([*command, "-o", str(folder / "ruby.wasm")], check=True)


def stand_ins(wasm):
    """For each module that is imported, except WASI: functions that return zero, or the handle that they are given."""
    texts = {}
    for module, name, (params, results) in function_imports(wasm):
        if module.startswith("wasi"):
            continue
        is_handle = module == "canonical_abi" and results
        body = "(local.get 0)" if is_handle else " ".join(f"({ty}.const 0)" for ty in results)
        signature = "".join(f"(param {ty}) " for ty in params) + "".join(f"(result {ty}) " for ty in results)
        texts.setdefault(module, []).append(f'  (func (export "{name}") {signature}{body})')
    return [(module, "(module\n" + "\n".join(functions) + ")\n") for module, functions in texts.items()]


def function_imports(wasm):
    """Module, name, (parameters, results) of all that a binary imports, which has to be functions."""

    def number(at):
        value, shift = 0, 0
        while True:
            value |= (wasm[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if wasm[at - 1] < 128:
                return value, at

    def name(at):
        length, at = number(at)
        return wasm[at : at + length].decode(), at + length

    def kinds(at):
        length, at = number(at)
        return [TYPES[kind] for kind in wasm[at : at + length]], at + length

    at, types, imports = 8, [], []
    while at < len(wasm):
        section, (size, at) = wasm[at], number(at + 1)
        following = at + size
        if section in (1, 2):
            count, at = number(at)
            for _ in range(count):
                if section == 1:
                    params, at = kinds(at + 1)
                    results, at = kinds(at)
                    types.append((params, results))
                else:
                    module, at = name(at)
                    field, at = name(at)
                    ty, at = number(at + 1)
                    imports.append((module, field, types[ty]))
        at = following
    return imports


def glue():
    """The init function and `query(i32) -> i32`. Strings are given with a zero at their end, which counts."""
    texts = {"boot": BOOT, "query": QUERY, **{f"argument{k}": text for k, text in enumerate(ARGUMENTS)}}
    texts = {name: text.encode() + b"\0" for name, text in texts.items()}
    hex_digits = {name: "".join(f"\\{byte:02x}" for byte in text) for name, text in texts.items()}
    data = "\n".join(f'  (data ${name} "{text}")' for name, text in hex_digits.items())

    def copied(name, local):
        length = len(texts[name])
        return f"""
    (local.set {local} (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {length})))
    (memory.init ${name} (local.get {local}) (i32.const 0) (i32.const {length}))"""

    arguments = "".join(
        copied(f"argument{k}", "$text") + f"""
    (i32.store offset={8 * k} (local.get $list) (local.get $text))
    (i32.store offset={8 * k + 4} (local.get $list) (i32.const {len(texts[f"argument{k}"])}))"""
        for k in range(len(ARGUMENTS))
    )
    last_digit = texts["query"].index(b";") - 2
    return f"""(module
  (import "ruby" "memory" (memory 1))
  (import "ruby" "cabi_realloc" (func $allocate (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $evaluate (param i32 i32) (result i32)))
  (import "ruby" "rstring-ptr: func(value: handle<rb-abi-value>) -> string" (func $string (param i32) (result i32)))
{data}
  (func (export "wizer.initialize") (local $list i32) (local $text i32)
    (local.set $list (call $allocate (i32.const 0) (i32.const 0) (i32.const 4) (i32.const {8 * len(ARGUMENTS)}))){arguments}
    (call $ruby_init (local.get $list) (i32.const {len(ARGUMENTS)})){copied("boot", "$text")}
    (if (i32.load offset=4 (call $evaluate (local.get $text) (i32.const {len(texts["boot"])}))) (then unreachable)))
  (func (export "query") (param $n i32) (result i32)
    (local $text i32) (local $at i32) (local $end i32) (local $answer i32){copied("query", "$text")}
    (local.set $at (i32.add (local.get $text) (i32.const {last_digit})))
    (loop $digits
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
      (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (br_if $digits (local.get $n)))
    (local.set $text (call $evaluate (local.get $text) (i32.const {len(texts["query"])})))
    (if (i32.load offset=4 (local.get $text)) (then unreachable))
    (local.set $text (call $string (i32.load (local.get $text))))
    (local.set $at (i32.load (local.get $text)))
    (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $text))))
    (loop $digits
      (local.set $answer
        (i32.add
          (i32.mul (local.get $answer) (i32.const 10))
          (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $digits (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $answer)))
"""


if __name__ == "__main__":
    main()
