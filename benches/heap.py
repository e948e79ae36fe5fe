#!/usr/bin/env python3
"""How snapshots of the garbage-collected heap scale: a doubly linked list of N nodes, each with an integer and a short
string, in Wasmtime (python package `wasmtime`) and V8 (`node` 24).

    benches/heap.py --preinit target/release/preinit [--node NODE] [--max 10000000] [--write]     # --write keeps the figures

Capture and plan as `--report` gives them, bytes of the file for each object, start-up of the original (init included) and of
the snapshot, compiled beforehand, median of 5.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time
from importlib.metadata import version

import figures
import tables

TEXT = """(module
  (type $chars (array (mut i16)))
  (type $n (struct (field i32) (field (ref $chars)) (field (mut (ref null $n))) (field (mut (ref null $n)))))
  (global $head (mut (ref null $n)) (ref.null $n)) (global $tail (mut (ref null $n)) (ref.null $n))
  (func (export "preinit") (local $i i32) (local $x (ref null $n))
    (loop $l
      (local.set $x (struct.new $n (local.get $i)
        (array.new_fixed $chars 4 (local.get $i) (i32.const 104) (i32.const 105) (i32.const 106))
        (global.get $tail) (ref.null $n)))
      (if (ref.is_null (global.get $tail)) (then (global.set $head (local.get $x)))
        (else (struct.set $n 3 (global.get $tail) (local.get $x))))
      (global.set $tail (local.get $x))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const %d)))))
  (func (export "query") (result i32) (local $n (ref null $n)) (local $s i32)
    (local.set $n (global.get $head))
    (block $end (loop $l
      (br_if $end (ref.is_null (local.get $n)))
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31))
        (i32.add (struct.get $n 0 (local.get $n)) (array.get_u $chars (struct.get $n 1 (local.get $n)) (i32.const 0)))))
      (local.set $n (struct.get $n 3 (local.get $n)))
      (br $l)))
    (local.get $s)))
"""

NODE = """import fs from 'fs';
const module = new WebAssembly.Module(fs.readFileSync(process.argv[2])), times = []; let answer;
for (let k = 0; k < 5; k++) {
  const begun = performance.now();
  const exports = new WebAssembly.Instance(module, {}).exports;
  if (process.argv[3]) exports.preinit();
  times.push(performance.now() - begun);
  answer = exports.query();
}
console.log(JSON.stringify([times.sort((a, b) => a - b)[2], answer]));
"""


def in_wasmtime(path, init):
    import wasmtime

    config = wasmtime.Config()
    for feature in ("wasm_gc", "wasm_function_references", "wasm_exceptions"):
        setattr(config, feature, True)
    engine = wasmtime.Engine(config)
    module = wasmtime.Module.from_file(engine, path)
    times = []
    for _ in range(5):
        store = wasmtime.Store(engine)
        begun = time.perf_counter()
        exports = wasmtime.Instance(store, module, []).exports(store)
        if init:
            exports["preinit"](store)
        times.append((time.perf_counter() - begun) * 1e3)
        answer = exports["query"](store)
    return statistics.median(times), answer


def in_node(node, path, init):
    script = os.path.join(os.path.dirname(path), "time.mjs")
    with open(script, "w") as file:
        file.write(NODE)
    output = subprocess.run([node, script, path] + (["init"] if init else []), check=True, capture_output=True)
    return json.loads(output.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preinit", default="target/release/preinit")
    parser.add_argument("--node", default="node")
    parser.add_argument("--max", type=int, default=10_000_000, help="objects")
    parser.add_argument("--write", action="store_true", help="keep the figures in figures.json and make docs/benchmarks.md")
    options = parser.parse_args()
    rows, objects = [], 1000
    with tempfile.TemporaryDirectory() as folder:
        while objects <= options.max:
            original, snapshot = os.path.join(folder, "a.wasm"), os.path.join(folder, "b.wasm")
            text, report = os.path.join(folder, "a.wat"), os.path.join(folder, "report.json")
            with open(text, "w") as file:
                file.write(TEXT % (objects // 2))
            import wasmtime

            with open(original, "wb") as file:
                file.write(wasmtime.wat2wasm(TEXT % (objects // 2)))
            command = [options.preinit, text, "-o", snapshot, "--report", report, "--timeout", "600"]
            made = subprocess.run(command, capture_output=True, text=True)
            if made.returncode:
                sys.exit(f"{objects} objects: {made.stderr}")
            with open(report) as file:
                report = json.load(file)
            assert report["heap"]["objects"] == objects
            cells = []
            for name, run in (("Wasmtime", in_wasmtime), ("V8", lambda *a: in_node(options.node, *a))):
                before, expected = run(original, True)
                after, answer = run(snapshot, False)
                if answer != expected:
                    sys.exit(f"{objects} objects, {name}: {answer} is not {expected}")
                cells.append((before, after))
            timings = report["timings"]
            rows.append({
                "objects": objects,
                "captured_per_second": round(objects / timings["capture"]),
                "bytes_per_object": round(report["output_bytes"] / objects, 1),
                "ms": [[round(before, 2), round(after, 2)] for before, after in cells],
            })
            print(f"heap.py: {objects:,} objects: captured in {timings['capture']:.3f} s, planned and written in "
                  f"{timings['plan'] + timings['encode']:.3f} s, rebuilt per second in Wasmtime and V8: "
                  + ", ".join(f"{objects / after * 1e3:,.0f}" for _, after in cells), file=sys.stderr, flush=True)
            objects *= 10
    measured = {"engines": [f"Wasmtime {version('wasmtime').split('.')[0]}", "V8"], "rows": rows}
    if options.write:
        figures.save("heap", measured)
    else:
        print(tables.heap(measured))


if __name__ == "__main__":
    main()
