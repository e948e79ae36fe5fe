"""Runs one job of compare.py (JSON, as an argument) in Python's wasmtime; prints times and answers as JSON."""

import itertools
import json
import statistics
import sys
import time

import wasmtime


class Guest:
    def __init__(self, engine, linker, module, calls, dirs):
        self.store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        for guest, host in dirs.items():
            wasi.preopen_dir(host, guest)
        self.store.set_wasi(wasi)
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        for name in calls:
            if name in self.exports:
                self.exports[name](self.store)

    def call(self, name, argument):
        return self.exports[name](self.store, argument)


def main():
    job = json.loads(sys.argv[1])
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    modules = {name: wasmtime.Module.from_file(engine, module["file"]) for name, module in job["modules"].items()}

    def start(name):
        return Guest(engine, linker, modules[name], job["modules"][name]["calls"], job["dirs"])

    results = {}
    for name in modules:
        guest = start(name)
        results[name] = {"answers": [guest.call(job["query"], argument) for argument in job["arguments"]], "ms": []}
    # Rows and their medians: see startup_v8.mjs.
    for orders in job["phases"]:
        end = time.perf_counter() + job["seconds"] / len(job["phases"])
        for order in itertools.cycle(orders):
            if time.perf_counter() >= end:
                break
            for name in order:
                row, enough = [], time.perf_counter() + 0.02
                while len(row) < 3 or time.perf_counter() < enough:
                    started = time.perf_counter()
                    guest = start(name)
                    guest.call(job["query"], job["arguments"][0])
                    row.append((time.perf_counter() - started) * 1e3)
                    del guest
                results[name]["ms"].append(statistics.median(row))
    print(json.dumps(results))


main()
