"""Markdown tables from the figures."""

PROGRAMS = {
    "lua": "Lua",
    "quickjs": "QuickJS",
    "sqlite": "SQLite",
    "rust-regex": "Rust `regex`",
    "go": "Go",
    "cpython": "CPython 3.11",
    "ruby": "Ruby 3.4",
    "zig": "Zig",
    "assemblyscript": "AssemblyScript",
}


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def program(name):
    return PROGRAMS.get(name, name)


def measured(compare):
    return f"On {compare['machine']}. Medians of {compare['runs']} runs."


def times(against, what):
    """`(1.6x, 1.3x)`: how many times that of preinit."""
    factors = [factor[what] if what else factor for factor in against.values()]
    digits = 1 if what else 2
    return f" ({', '.join(f'{factor:.{digits}f}x' for factor in factors)})" if factors else ""


def build(compare):
    rows, tools = compare["build"], list(next(iter(compare["build"].values())))
    cells = lambda tool: (
        f"{tool['seconds']:.3f} s{times(tool['against'], 'time')}, {tool['mib']:.0f} MiB{times(tool['against'], 'memory')}"
    )
    text = table(["program", *tools], [[program(name), *(cells(row[tool]) for tool in tools)] for name, row in rows.items()])
    return f"{measured(compare)} Wall time and peak memory of the whole process.\n\n{text}\n\n{legend(rows)}"


def legend(rows):
    """What the factors of each column are relative to."""
    by_ours = {}
    for tool, cell in next(iter(rows.values())).items():
        if cell["against"]:
            by_ours.setdefault(tuple(cell["against"]), []).append(f"*{tool}*")
    parts = [
        f"to {' and '.join(f'*{name}*' for name in ours)} in the columns {' and '.join(tools)}" for ours, tools in by_ours.items()
    ]
    return f"Factors in parentheses are relative {'; '.join(parts)}. Above 1x, preinit takes less." if parts else ""


def sizes(compare):
    rows, tools = compare["sizes"], list(next(iter(compare["sizes"].values())))
    packings = list(rows[next(iter(rows))]["preinit"]["packed"])

    def cell(entry):
        packed = ", ".join(f"{entry['packed'][packing]:.2f}" for packing in packings) if "packed" in entry else ""
        return f"{entry['mb']:.2f}" + (f" ({packed})" if packed else "")

    text = table(["program", *tools], [[program(name), *(cell(row[tool]) for tool in tools)] for name, row in rows.items()])
    return f"Size of the module in MB ({', '.join(packings)}).\n\n{text}"


def startup(compare):
    parts = ["Milliseconds from a compiled module to the first answer; the original's include its init."]
    for engine, rows in compare["start"].items():
        tools = list(next(iter(rows.values())))

        def cell(tool, entry):
            if entry is None:
                return "–"
            return f"{entry['ms']:.{2 if tool == 'original' else 3}f}{times(entry.get('against', {}), None)}"

        text = table(
            ["program", *tools], [[program(name), *(cell(tool, row[tool]) for tool in tools)] for name, row in rows.items()]
        )
        parts.append(f"### {engine}\n\n{text}")
    ours = next(iter(next(iter(compare["start"].values())).values()))
    names = next((list(entry["against"]) for entry in ours.values() if entry and entry.get("against")), [])
    if names:
        relative = " and ".join(f"*{name}*" for name in names)
        parts.append(f"Factors in parentheses are relative to {relative}. Above 1x, preinit is faster.")
    return "\n\n".join(parts)


def evaluated(compare):
    rows = [[program(name), result] for name, result in compare["evaluated"].items()]
    return table(["program", "`wasm-ctor-eval`"], rows)


def stripped(compare):
    rows = []
    for name, row in compare["stripped"].items():
        taken = f"{row['functions']} of {row['functions_before']}, {row['code_bytes']:,} bytes of code"
        optimized = row["wasm_opt"]
        optimized = f"{optimized:,}" if isinstance(optimized, int) else optimized
        rows.append([program(name), f"{row['snapshot']:,}", f"{row['stripped']:,}", taken, optimized])
    return table(["program", "snapshot", "`--strip-init`", "functions stripped", "`wasm-opt`"], rows)


def scaling(scaling):
    columns = ["state", "time", "peak memory", "time by unit", "memory by unit", "against one `memcpy`"]
    rows = [
        [row["state"], f"{row['seconds']:.3f} s", f"{row['mib']:.0f} MiB", row["time_by_unit"], row["memory_by_unit"],
         f"{row['memcpy']:.1f}x" if row["memcpy"] else "–"]
        for row in scaling["rows"]
    ]
    return f"On {scaling['machine']}. Medians of {scaling['runs']} runs.\n\n{table(columns, rows)}"


def heap(heap):
    columns = ["objects", "captured per second", "bytes per object"]
    columns += [f"{engine}: made by init → by the snapshot" for engine in heap["engines"]]
    rows = []
    for row in heap["rows"]:
        # Two digits for what takes less than 2 ms.
        number = lambda ms: f"{ms:.2f}" if ms < 2 else f"{ms:.1f}" if ms < 10 else f"{ms:.0f}"
        pairs = [f"{number(before)} → {number(after)} ms" for before, after in row["ms"]]
        rows.append([f"{row['objects']:,}", f"{row['captured_per_second']:,}", f"{row['bytes_per_object']:.1f}", *pairs])
    return table(columns, rows)


def frozen(freeze):
    engines = list(next(iter(freeze["commands"].values()))["ms"])
    columns = ["command", "frozen where it first reads, having", "preinit, cold (warm): wall, processor time; memory", "MB"]
    columns += [f"ms to the first output, {engine}; processor time" for engine in engines]
    rows = []
    for name, row in freeze["commands"].items():
        cold, warm = row["cold"], row["warm"]
        cells = [
            name,
            row["having"],
            f"{cold['wall']:.2f} ({warm['wall']:.2f}) s, {cold['processor']:.2f} ({warm['processor']:.2f}) s; "
            f"{cold['mib']:.0f} MiB",
            f"{row['mb'][0]:.2f} → {row['mb'][1]:.2f}",
        ]
        cells += [f"{times['original']:.2f} → {times['frozen']:.3f}, {times['factor']:.0f}x" for times in row["ms"].values()]
        rows.append(cells)
    return (
        f"On {freeze['machine']}. Medians of {freeze['runs']} runs of preinit. {freeze['compared']} runs of scripts, in "
        f"{' and '.join(engines)}: standard output, standard error and exit codes were those of the original in every one."
        f"\n\n{table(columns, rows)}"
    )


def everyday(measured):
    """What people run all day, and the first run."""
    parts = [f"On {measured['machine']}. Medians of {measured['runs']} runs, all tools in turn."]
    for kind in ("everyday", "cold"):
        rows = measured[kind]
        tools = list(next(iter(rows.values()))["ms"])
        columns = [f"{kind}, ms", *tools, "preinit / best of the others"]
        if kind == "everyday":
            columns.append("init alone")
        cells = []
        for name, row in rows.items():
            of_best = max(row["of"].values(), default=0)
            cells.append([program(name), *(f"{row['ms'][tool]:.0f}" for tool in tools), f"{of_best:.2f}"])
            if kind == "everyday":
                cells[-1].append(f"{measured['stages'][name]['init']:.0f}")
        parts.append(table(columns, cells))
    return "\n\n".join(parts)


STAGES = {
    "process": "process, files",
    "parse": "parse, validate, probe",
    "compile": "code from the cache",
    "init": "instantiate, init",
    "capture": "capture",
    "plan": "plan",
    "encode": "encode, validate",
}


def shares(measured):
    """Where an everyday run goes; stages overlap, so that they need not add up."""
    rows = []
    for name, stages in measured["stages"].items():
        whole = stages["total"] + stages["process"]
        rows.append([program(name), f"{whole:.0f} ms", *(f"{stages[stage] / whole:.0%}" for stage in STAGES)])
    return table(["program", "whole process", *STAGES.values()], rows)


def batch(measured):
    """Snapshots of one engine, by one command and by loops."""
    rows = []
    for engine, ways in measured["engines"].items():
        ours = ways["preinit batch"]
        for way, figure in ways.items():
            factor = figure["processor"] / figure["snapshots"] / (ours["processor"] / ours["snapshots"])
            rates = [f"{figure['snapshots'] / figure[clock]:.1f}" for clock in ("processor", "elapsed")]
            rows.append([engine, way, f"{figure['snapshots']}", *rates, f"{factor:.1f}x"])
    columns = ["engine", "made by", "snapshots", "per second of one processor", "per second", "batch is faster by"]
    return f"On {measured['machine']}.\n\n" + table(columns, rows)


def checks(measured):
    """The audit and the verifier beside a plain run."""
    rows = []
    for name, commands in measured["rows"].items():
        cells = [program(name), f"{commands['plain']['seconds'] * 1e3:.0f} ms"]
        for command in ("audit", "verify"):
            figure = commands[command]
            cells += [f"{figure['seconds']:.2f} s ({figure['of_plain']:.1f}x)", f"{figure['processor']:.2f} s"]
        rows.append(cells)
    columns = ["program", "plain run", "`audit`", "processor time", "`verify`", "processor time"]
    return f"On {measured['machine']}. Medians of {measured['runs']} runs, the commands in turn.\n\n" + table(columns, rows)


def large(measured):
    """Freezing large commands: where the time goes."""
    rows = []
    for name, command in measured["commands"].items():
        for kind in ("cold", "warm"):
            run = command[kind]
            times = [run["seconds"], run["processor"], run["compile"], run["init"]]
            cells = [f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1e3:.0f} ms" for seconds in times]
            rows.append([f"{name}, {command['mib']:.0f} MiB", kind, *cells, f"{run['memory'] / 2**10:.2f} GiB"])
    head = f"On {measured['machine']}. Medians of {measured['runs']} runs."
    columns = ["command", "", "whole process", "processor time", "compiling the first run", "init", "peak memory"]
    return head + "\n\n" + table(columns, rows)


def components(data):
    """What a component takes with preinit and with `wasmtime wizer`, and how both snapshots answer."""
    name = f"wasmtime wizer {data['wasmtime']}"

    def cell(entry, kind):
        if "refused" in entry:
            return f"refused: {entry['refused']}" if kind == "cold" else "–"
        run = entry[kind]
        factors = times(run.get("against", {}), None) if "against" in run else ""
        return f"{run['seconds']:.2f} s, {run['processor']:.2f} s, {run['mib']:.0f} MiB{factors}"

    def result(entry):
        return "–" if "refused" in entry else f"{entry['mb']:.2f} MB, {entry['answers']}"

    rows = []
    for component, tools in data["rows"].items():
        cells = [component]
        for tool in tools.values():
            cells += [cell(tool, "cold"), cell(tool, "warm"), result(tool)]
        rows.append(cells)
    columns = ["component"]
    for tool in ("preinit", name):
        columns += [f"{tool}, cold", "warm", "output, answers"]
    text = table(columns, rows)
    factors = [row["preinit"]["cold"]["of_parts"] for key, row in data["rows"].items() if key == "python" and "mb" in row["preinit"]]
    whole = f" The whole run of the Python component took {factors[0]:.2f} times what compiling, init and output took." if factors else ""
    return (
        f"On {data['machine']}, at a load of {data['load']}. Medians of {runs(data['runs'])}: wall time, processor time and peak "
        "memory of the whole process. Factors in parentheses are those of wall time, processor time and memory, relative to preinit. "
        f"Above 1x, preinit takes less.{whole}\n\n{text}"
    )


def runs(by_name):
    """`3 runs (python: 1)`."""
    most = max(by_name.values())
    others = [f"{name}: {count}" for name, count in by_name.items() if count != most]
    return f"{most} runs" + (f" ({', '.join(others)})" if others else "")


def components_started(data):
    engines = {"Wasmtime": "Wasmtime 50 from Python", "V8": "V8, by way of jco"}
    rows = []
    for component, row in data["start"].items():
        cells = [program(component) if component != "python" else "CPython 3.14"]
        for engine in engines:
            times = row.get(engine)
            cells.append(f"{times['before']:.2f} → {times['after']:.3f}" if times else "–")
        rows.append(cells)
    text = table(["component", *(f"ms, {engine}" for engine in engines.values())], rows)
    return (
        f"On {data['machine']}, at a load of {data['load']}. From the compiled component to the first answer: the original with its "
        f"init → the snapshot.\n\n{text}"
    )
