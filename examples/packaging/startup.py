"""Start-up: from a compiled module to the end of its calls, in each engine, the programs in turns; medians."""

import statistics
import time

import in_v8
import in_wasmtime

SECONDS = 6


def in_both_engines(wasmtime, programs):
    """{engine: [milliseconds of each program]}."""
    times = [[] for _ in programs]
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times[0]) < 5:
        for program, taken in zip(programs, times):
            taken.append(wasmtime.run(program)[1])
    _, elsewhere = in_v8.run(programs, SECONDS)
    return {name: [statistics.median(taken) for taken in found]
            for name, found in ((in_wasmtime.NAME, times), (in_v8.NAME, elsewhere))}
