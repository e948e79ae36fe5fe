"""Runs one job of compare.py (JSON, as an argument) in Python's wasmtime; prints times and answers as JSON."""

import json
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
    # The original works much longer: among the snapshots it would slow down whichever comes after it.
    for names in [["original"], [name for name in modules if name != "original"]]:
        end = time.perf_counter() + job["seconds"] / 2
        while time.perf_counter() < end:
            for name in names:
                started = time.perf_counter()
                guest = start(name)
                guest.call(job["query"], job["arguments"][0])
                results[name]["ms"].append((time.perf_counter() - started) * 1e3)
                del guest
            names.reverse()
    print(json.dumps(results))


main()
