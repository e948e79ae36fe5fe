"""Components in PyPI's Wasmtime, in this process."""

import statistics
import time

import wasmtime
from wasmtime import component

SECONDS = 6


class Runner:
    """A compiled component."""

    def __init__(self, file):
        config = wasmtime.Config()
        config.wasm_component_model_async = True
        self.engine = wasmtime.Engine(config)
        self.linker = component.Linker(self.engine)
        self.linker.add_wasip2()
        self.component = component.Component(self.engine, file.read_bytes())

    def answers(self, calls):
        """What the calls return in a new instance, and the milliseconds for all of it."""
        store = wasmtime.Store(self.engine)
        store.set_wasi(wasmtime.WasiConfig())
        began = time.perf_counter()
        instance = self.linker.instantiate(store, self.component)
        returned = []
        for name, *arguments in calls:
            function = instance.get_func(store, name)
            returned.append(function(store, *arguments))
            function.post_return(store)
        return returned, (time.perf_counter() - began) * 1e3


def answers(file, calls):
    """What exports of a component return, in a new instance without directories."""
    return Runner(file).answers(calls)[0]


def startup(files, calls):
    """Milliseconds from compiled components to the end of the calls, in turns; medians."""
    runners = [Runner(file) for file in files]
    times = [[] for _ in runners]
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times[0]) < 5:
        for runner, taken in zip(runners, times):
            taken.append(runner.answers(calls)[1])
    return [statistics.median(taken) for taken in times]
