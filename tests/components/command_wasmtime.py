"""Runs a command (wasi:cli/run) in PyPI's wasmtime with what it gets on standard input: command_wasmtime.py FILE. Prints what it prints."""

import sys
import tempfile

import wasmtime
from wasmtime import component


def main():
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    with tempfile.NamedTemporaryFile() as given, tempfile.NamedTemporaryFile() as printed:
        given.write(sys.stdin.buffer.read())
        given.flush()
        wasi = wasmtime.WasiConfig()
        wasi.stdin_file, wasi.stdout_file = given.name, printed.name
        store.set_wasi(wasi)
        linker = component.Linker(engine)
        linker.add_wasip2()
        binary = open(sys.argv[1], "rb").read()
        command = component.Component(engine, binary)
        instance = linker.instantiate(store, command)
        interface = next(name for name in command.type.exports(engine) if name.startswith("wasi:cli/run@"))
        run = instance.get_export_index(store, "run", instance.get_export_index(store, interface))
        try:
            result = instance.get_func(store, run)(store)
            code = 0 if getattr(result, "tag", "ok") == "ok" else 1
        except wasmtime.ExitTrap as ended:
            code = ended.code
        sys.stdout.write(printed.read().decode())
        sys.exit(code)


main()
