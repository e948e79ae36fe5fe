"""Runs one job of freeze.py (JSON, as an argument) in Python's wasmtime; prints exit codes and times as JSON."""

import json
import sys
import time

import wasmtime


def main():
    job = json.loads(sys.argv[1])
    config = wasmtime.Config()
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    modules = {name: wasmtime.Module.from_file(engine, file) for name, file in job["modules"].items()}
    # What a server would do: compile once, keep the code, load it.
    modules = {name: wasmtime.Module.deserialize(engine, module.serialize()) for name, module in modules.items()}

    def run(name, script, output, errors):
        store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.argv = job["argv"]
        for guest, host in job["dirs"].items():
            wasi.preopen_dir(host, guest)
        wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = script, output, errors
        store.set_wasi(wasi)
        try:
            linker.instantiate(store, modules[name]).exports(store)["_start"](store)
        except wasmtime.ExitTrap as exit:
            return store, exit.code
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
            # The last line is the reason; the frames before it have other names in a frozen module.
            return store, str(trap).strip().splitlines()[-1].strip()
        return store, 0

    results = {}
    for name in modules:
        codes = [run(name, script, *job["outputs"][name][at])[1] for at, script in enumerate(job["scripts"])]
        results[name] = {"codes": codes, "ms": []}
    for name in modules:
        end = time.perf_counter() + job["seconds"] / len(modules)
        while time.perf_counter() < end:
            started = time.perf_counter()
            store, code = run(name, job["first"], job["first_output"], job["first_output"])
            results[name]["ms"].append((time.perf_counter() - started) * 1e3)
            if code != 0:
                sys.exit(f"{name} ended with {code} at start-up")
            del store
    print(json.dumps(results))


main()
