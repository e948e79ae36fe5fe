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

    # Making the host's side ready (opening files and directories) is not the module's doing, and not measured.
    def run(name, script, output, errors):
        store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.argv = job["argv"]
        for guest, host in job["dirs"].items():
            wasi.preopen_dir(host, guest)
        wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = script, output, errors
        store.set_wasi(wasi)
        started, worked = time.perf_counter(), time.process_time()
        try:
            linker.instantiate(store, modules[name]).exports(store)["_start"](store)
        except wasmtime.ExitTrap as exit:
            code = exit.code
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
            # The last line is the reason; the frames before it have other names in a frozen module.
            code = str(trap).strip().splitlines()[-1].strip()
        else:
            code = 0
        return code, [(time.perf_counter() - started) * 1e3, (time.process_time() - worked) * 1e3]

    results = {}
    for name in modules:
        codes = [run(name, script, *job["outputs"][name][at])[0] for at, script in enumerate(job["scripts"])]
        results[name] = {"codes": codes, "ms": []}
    end = time.perf_counter() + job["seconds"]
    while time.perf_counter() < end:
        for name in modules:
            starts = [run(name, job["first"], job["first_output"], job["first_output"]) for _ in range(job["starts"][name])]
            results[name]["ms"].append([elapsed for _, elapsed in starts])
            if any(code != 0 for code, _ in starts):
                sys.exit(f"{name} ended with {starts} at start-up")
    print(json.dumps(results))


main()
