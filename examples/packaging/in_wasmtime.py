"""Programs in PyPI's Wasmtime, in this process."""

import tempfile
import time
from pathlib import Path

import wasmtime

from expectations import Different
from programs import Answer

NAME = "Wasmtime 50"


class Wasmtime:
    """Compiles each module once."""

    def __init__(self):
        config = wasmtime.Config()
        config.wasm_exceptions = True
        self.engine = wasmtime.Engine(config)
        self.modules = {}

    def module(self, file):
        """The compiled module, and a linker with what it imports."""
        if file not in self.modules:
            module = wasmtime.Module.from_file(self.engine, str(file))
            linker = wasmtime.Linker(self.engine)
            linker.define_wasi()
            linker.define_unknown_imports_as_traps(module)
            self.modules[file] = module, linker
        return self.modules[file]

    def run(self, program):
        """The answer, and the milliseconds from a compiled module to the end of the last call."""
        module, linker = self.module(program.file)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ("in", "out", "err")]
            files[0].write_text(program.stdin)
            store = wasmtime.Store(self.engine)
            wasi = wasmtime.WasiConfig()
            wasi.argv = program.args
            wasi.env = list(program.env.items())
            for guest, host in program.dirs.items():
                wasi.preopen_dir(str(host), guest)
            wasi.stdin_file, wasi.stdout_file, wasi.stderr_file = map(str, files)
            store.set_wasi(wasi)
            began = time.perf_counter()
            code, results = call(store, linker.instantiate(store, module).exports(store), program.calls)
            elapsed = (time.perf_counter() - began) * 1e3
            store.close()
            return Answer(*(file.read_bytes().decode(errors="replace") for file in files[1:]), code, results), elapsed


def call(store, exports, calls):
    """The exit code of the calls, and what they return."""
    results = []
    try:
        for step in calls:
            if isinstance(step, dict):
                results.append(use_memory(store, exports["memory"], step, results))
                continue
            name, *arguments = step
            arguments = [text(store, exports, a) if isinstance(a, str) else a for a in arguments]
            results.append(exports[name](store, *arguments))
    except wasmtime.ExitTrap as ended:
        return ended.code, results
    except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
        raise Different(f"Wasmtime: {trap}") from trap
    return 0, results


def use_memory(store, memory, step, results):
    """Writes a text where an earlier result says, or reads one: of a length that another result says, or up to a zero."""
    if "write" in step:
        return memory.write(store, step["write"].encode(), results[step["at"]])
    address = results[step["read"]]
    if "length" in step:
        return memory.read(store, address, address + results[step["length"]]).decode()
    contents = memory.read(store, address, memory.data_len(store))
    return contents[: contents.index(0)].decode()


def text(store, exports, value):
    """The address of a copy in the module's memory."""
    value = value.encode() + b"\0"
    address = exports["malloc"](store, len(value))
    exports["memory"].write(store, value, address)
    return address
