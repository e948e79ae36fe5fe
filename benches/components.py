#!/usr/bin/env python3
"""Pre-initializes the components of tests/components with preinit and with `wasmtime wizer`, and times their start-up.

    cargo build --release --bin preinit
    WASMTIME=/path/to/wasmtime python3 benches/components.py [--runs 5] [--only lua,python] [--write]

The tools run in turn (A B A B ...), without a cache (cold) and with one (warm); the figures are medians of whole processes. Whether a snapshot is right
is seen in its answers in PyPI's wasmtime, in the Python that WASMTIME_PYTHON names. Start-up is from a compiled component to the
first answer, there and, by way of jco, in V8; JCO names a folder with `node_modules` in which jco, its preview2-shim and node are.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "tests/components"
sys.path.insert(0, str(HERE))

import cases
import figures

# What init of these takes is more than nothing, so there is something to gain.
STARTED = ["lua", "quickjs", "python"]

KINDS = ["cold", "warm"]
CACHE = {
    "preinit": {"cold": ["--no-cache"], "warm": []},
    "wasmtime wizer": {"cold": ["-C", "cache=n"], "warm": ["-C", "cache=y"]},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--preinit", type=Path, default=target / "release/preinit")
    parser.add_argument("--inputs", type=Path, default=Path(os.environ.get("PREINIT_INPUTS", ROOT / "../shared/inputs")))
    parser.add_argument("--only", help="inputs, separated by commas")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pause", type=float, default=6, help="seconds after the first run with a cache (6)")
    parser.add_argument("--seconds", type=float, default=4, help="for the start-up of each component in each engine (4)")
    parser.add_argument("--write", action="store_true", help="keep the figures in benches/figures.json, and make the page anew")
    parser.add_argument("--no-start", action="store_true", help="leave out the start-up")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [case["name"] for case in cases.CASES if "file" in case]
    wasmtime = os.environ.get("WASMTIME")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder), wasmtime)
        rows = {case["name"]: bench.row(case) for case in cases.CASES if case["name"] in wanted}
        begun = [] if options.no_start else [name for name in STARTED if name in wanted]
        started = {case["name"]: bench.started(case) for case in cases.CASES if case["name"] in begun}
    # What was not measured now stays as it is.
    known = figures.load().get("components", {})
    in_order = lambda found: {case["name"]: found[case["name"]] for case in cases.CASES if case["name"] in found}
    data = {
        "machine": figures.machine(),
        "load": round(os.getloadavg()[1], 1),
        "wasmtime": version(wasmtime) if wasmtime else None,
        "runs": in_order({**known.get("runs", {}), **dict.fromkeys(rows, options.runs)}),
        "rows": in_order({**known.get("rows", {}), **rows}),
        "start": in_order({**known.get("start", {}), **{name: row for name, row in started.items() if row}}),
    }
    print(figures.dump(data))
    if options.write:
        figures.save("components", data)


def version(binary):
    return subprocess.run([binary, "--version"], text=True, capture_output=True).stdout.split()[1]


class Bench:
    def __init__(self, options, folder, wasmtime):
        self.options, self.folder, self.wasmtime = options, folder, wasmtime
        self.inputs = options.inputs.resolve() / "components"
        self.python = os.environ.get("WASMTIME_PYTHON", sys.executable)
        self.jco = Path(os.environ["JCO"]).resolve() if "JCO" in os.environ else None

    def directories(self, case):
        """Names for the guest, and folders."""
        if "archive" not in case:
            return {}
        folder = self.folder / "directories" / case["name"]
        if not folder.exists():
            with tarfile.open(self.inputs / case["archive"]) as archive:
                archive.extractall(folder, filter="data")
        paths = [path for path in folder.rglob("*") if path.is_dir() and path.name in case["directories"]]
        found = {path.name: path for path in sorted(paths, key=lambda path: -len(path.parts))}
        return {name: found[name] for name in case["directories"]}

    def init(self, case):
        init = case.get("init", "wizer-initialize")
        for name, file in case.get("texts", {}).items():
            init = init.replace(name, json.dumps((self.inputs / file).read_text(), ensure_ascii=False))
        return init

    def commands(self, case):
        """By tool: its command line without the output."""
        dirs = [option for name, path in self.directories(case).items() for option in ("--dir", f"{path}::{name}")]
        source, init, options = self.inputs / case["file"], self.init(case), case.get("options", [])
        report = self.folder / "report.json"
        made = {
            "preinit": [
                self.options.preinit.resolve(), source, "-f", init, *dirs, *options, "--allow-wasi", "--inherit-stdio", "false",
                "--timeout", "10m", "--report", report, "-q",
            ]
        }
        if self.wasmtime:
            # It has no option that takes an import away, and joins the names of an interface and a function by a dot. Where it
            # removes the init function, its output is not valid: the component still names what it has removed.
            pairs = list(zip(options, options[1:]))
            kept = [word for name, value in pairs if name == "--env" for word in (name, value)]
            made["wasmtime wizer"] = [
                self.wasmtime, "wizer", "-S", "cli", "-W", "component-model-async=y", "--init-func",
                re.sub(r"^(\w+)#", r"\1.", init), "--keep-init-func=true", *dirs, *kept, source,
            ]
        return made

    def row(self, case):
        """What each tool takes and makes: cold without a cache, warm with what an earlier run has left there."""
        commands = self.commands(case)
        result = {tool: {} for tool in commands}
        runs = {tool: {kind: [] for kind in KINDS} for tool in commands}
        for kind in KINDS:
            for number in range(self.options.runs + (kind == "warm")):
                for tool, command in commands.items():
                    if "refused" in result[tool]:
                        continue
                    ended = timed([*command, *CACHE[tool][kind], "-o", self.output(case, tool)], self.folder)
                    if ended["code"] != 0:
                        result[tool] = {"refused": reason(ended["stderr"])}
                    elif number > 0 or kind == "cold":
                        runs[tool][kind].append(self.with_parts(ended) if tool == "preinit" else ended)
                if kind == "warm" and number == 0:
                    # A process of low priority may compile for the next run.
                    time.sleep(self.options.pause)
        for tool in commands:
            if "refused" not in result[tool]:
                out = self.output(case, tool)
                result[tool] = {"mb": out.stat().st_size / 1e6, "answers": self.answers(case, out)}
                result[tool].update({kind: medians(runs[tool][kind], runs["preinit"][kind]) for kind in KINDS})
        print(case["name"], result, file=sys.stderr, flush=True)
        return result

    def output(self, case, tool):
        return self.folder / f"{case['name']}.{tool.split()[0]}.wasm"

    def with_parts(self, ended):
        """With how much more than to compile, to run init and to write the output it took."""
        timings = json.loads((self.folder / "report.json").read_text())["timings"]
        parts = sum(timings[part] for part in ("compile", "init", "encode"))
        return {**ended, "of_parts": ended["seconds"] / parts}

    def answers(self, case, wasm):
        """How a snapshot answers: as the original does after init, or not."""
        if "calls" not in case:
            return "wrong: a handle is held that no instance has"
        command = [self.python, HERE / "answers_wasmtime.py", wasm, json.dumps(case["calls"])]
        done = subprocess.run(command, text=True, capture_output=True)
        lines = done.stdout.splitlines()
        if lines and lines[-1] == json.dumps([answer for _, _, answer in case["calls"]]):
            return "right"
        return "wrong: " + reason(done.stderr) if "unknown handle" not in done.stderr else "wrong: unknown handle index"

    def started(self, case):
        """Milliseconds to the first answer, of the original with its init and of the snapshot."""
        after = self.output(case, "preinit")
        if not after.exists():
            return None
        job = {
            "before": str(self.inputs / case["file"]),
            "after": str(after),
            "init": case["name"] if "init" in case else "wizer-initialize",
            "call": case["calls"][0],
            "dirs": {name: str(path) for name, path in self.directories(case).items()},
            "env": dict(value.split("=", 1) for value in case.get("options", [])[1::2]) if case["name"] == "python" else {},
            "seconds": self.options.seconds,
        }
        row = {"Wasmtime": measured([self.python, ROOT / "benches/components_wasmtime.py", json.dumps(job)])}
        if self.jco:
            for side in ("before", "after"):
                out = self.folder / f"{case['name']}.{side}-js"
                node, jco = (self.jco / "node_modules/.bin" / name for name in ("node", "jco"))
                transpile = [node, jco, "transpile", job[side], "-o", out, "--name", "it", "--instantiation", "async"]
                subprocess.run([*transpile, "--no-typescript", "-q"], check=True, cwd=self.jco)
                job[side] = str(out)
            job["shim"] = str(self.jco / "node_modules/@bytecodealliance/preview2-shim")
            row["V8"] = measured([node, ROOT / "benches/components_v8.mjs", json.dumps(job)], cwd=self.jco)
        print(case["name"], row, file=sys.stderr, flush=True)
        return row


def measured(command, **where):
    done = subprocess.run(command, text=True, capture_output=True, **where)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        return None
    times = json.loads(done.stdout.splitlines()[-1])
    return {side: statistics.median(ms) for side, ms in times.items()}


def medians(runs, ours):
    """Of the runs of one tool, and of their ratios to the runs of preinit in the same rounds."""
    found = {what: statistics.median(run[what] for run in runs) for what in runs[0] if what not in ("code", "stderr")}
    if runs is not ours and ours:
        pairs = list(zip(ours, runs))
        ratio = lambda what: statistics.median(theirs[what] / our[what] for our, theirs in pairs)
        found["against"] = {what: ratio(what) for what in ("seconds", "processor", "mib")}
    return found


def timed(command, folder):
    """Runs a process; its wall time, processor time and peak memory."""
    with open(folder / "stderr", "w+") as stderr:
        begin = time.monotonic()
        home = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "home/.cache")}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env={**os.environ, **home})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        stderr.seek(0)
        text = stderr.read()
    processor = usage.ru_utime + usage.ru_stime
    code, mib = os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024
    return {"code": code, "seconds": seconds, "processor": processor, "mib": mib, "stderr": text}


def reason(stderr):
    """The first line that says why: of an error with causes, the first cause."""
    lines = [line.strip() for line in stderr.split("Stack backtrace")[0].splitlines() if line.strip()]
    causes = [line for line in lines[lines.index("Caused by:") + 1:]] if "Caused by:" in lines else []
    line = (causes or [line for line in lines if line.lower().startswith("error")] or lines or ["it says nothing"])[0]
    return re.sub(r"^(error|Error|\d+): ", "", line).split("; ")[0]


if __name__ == "__main__":
    main()
