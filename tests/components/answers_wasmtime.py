"""Calls functions of a component in PyPI's wasmtime: answers_wasmtime.py FILE CALLS. The last line is the answers, as JSON."""

import json
import sys

import wasmtime
from wasmtime import component


def main():
    config = wasmtime.Config()
    for feature in ("wasm_component_model_async", "wasm_memory64", "wasm_multi_memory"):
        setattr(config, feature, True)
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_wasi(wasmtime.WasiConfig())
    linker = component.Linker(engine)
    linker.add_wasip2()
    binary = open(sys.argv[1], "rb").read()
    instance = linker.instantiate(store, component.Component(engine, binary))
    answers = []
    for name, arguments, _ in json.loads(sys.argv[2]):
        function = instance.get_func(store, name)
        try:
            answers.append(function(store, *arguments))
            function.post_return(store)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            print(error, file=sys.stderr)
            answers.append("trap")
    print(json.dumps(answers))


main()
