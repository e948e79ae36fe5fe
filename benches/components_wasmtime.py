"""Runs one job of components.py (JSON, as an argument) in Python's wasmtime; prints times as JSON."""

import json
import sys
import time

import wasmtime
from wasmtime import component


def python_init(instance, store):
    """What componentize-py calls, with the names that it generated for the program."""
    record = lambda **fields: made(component.Record(), fields)
    function = lambda name: record(
        kind=component.Variant("freestanding", record(protocol="WitWorld", name=name)), **{"return-style": component.Variant("normal")}
    )
    none = {name: [] for name in ("resources", "records", "flags", "tuples", "variants", "enums", "options", "results")}
    symbols = record(exports=[function("query"), function("describe")], **none)
    exports = instance.get_export_index(store, "exports")
    init = instance.get_func(store, instance.get_export_index(store, "init", exports))
    init(store, "app", symbols, False)
    init.post_return(store)


def made(value, fields):
    for name, field in fields.items():
        setattr(value, name, field)
    return value


def main():
    job = json.loads(sys.argv[1])
    config = wasmtime.Config()
    config.wasm_component_model_async = True
    engine = wasmtime.Engine(config)
    linker = component.Linker(engine)
    linker.add_wasip2()
    compiled = {side: component.Component(engine, open(job[side], "rb").read()) for side in ("before", "after")}
    name, arguments, expected = job["call"]

    def start(side):
        store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        if side == "before":
            wasi.env = list(job["env"].items())
            for guest, host in job["dirs"].items():
                wasi.preopen_dir(host, guest)
        store.set_wasi(wasi)
        instance = linker.instantiate(store, compiled[side])
        if side == "before" and job["init"] == "python":
            python_init(instance, store)
        elif side == "before":
            init = instance.get_func(store, job["init"])
            init(store)
            init.post_return(store)
        answer = instance.get_func(store, name)(store, *arguments)
        assert answer == expected, f"{side}: {answer}, not {expected}"

    times = {side: [] for side in compiled}
    end = time.perf_counter() + job["seconds"]
    while time.perf_counter() < end or len(times["after"]) < 3:
        for side in compiled:
            enough = time.perf_counter() + 0.02
            while True:
                started = time.perf_counter()
                start(side)
                times[side].append((time.perf_counter() - started) * 1e3)
                if time.perf_counter() >= enough:
                    break
    print(json.dumps(times))


main()
