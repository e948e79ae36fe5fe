"""CPU time and size of snapshots, of several pre-initializers on the same input.

As a program it stands in for a pre-initializer in a client: `stand_in` writes a script that takes the client's call, makes it
with each tool, cold and warm, and leaves preinit's output.
"""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

WARM_RUNS = 3


def compare(tools, arguments, scratch, cwd=None, stdin=b"", env=None, only=None):
    """{tool: {"cold", "warm", "bytes"}}; None for a tool that fails. Times are seconds of CPU, user and system.

    Cold is the first run with an empty cache, warm the least of the following ones. The argument `OUT` is the output file; `only`
    gives a tool arguments of its own.
    """
    results = {}
    for tool, path in tools.items():
        shutil.rmtree(scratch, ignore_errors=True)
        home = scratch / "home"
        home.mkdir(parents=True)
        environment = {**(os.environ if env is None else env), "HOME": str(home)}
        environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
        words = (only or {}).get(tool, arguments)
        words = [str(path), *with_output(words, scratch / "out.wasm")]
        times = []
        for _ in range(1 + WARM_RUNS):
            seconds = cpu_time(words, cwd, stdin, environment)
            if seconds is None:
                break
            times.append(seconds)
        if len(times) == 1 + WARM_RUNS:
            size = (scratch / "out.wasm").stat().st_size
            results[tool] = {"cold": times[0], "warm": min(times[1:]), "bytes": size}
        else:
            results[tool] = None
    return results


def with_output(words, path):
    """Arguments with the name of the output filled in."""
    return [{"OUT": str(path), "-o=OUT": f"-o={path}"}.get(str(word), str(word)) for word in words]


def cpu_time(words, cwd, stdin, environment):
    """Seconds of CPU of a process and its children; None if it fails."""
    with tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(words, cwd=cwd, env=environment, stdin=source, stdout=quiet, stderr=quiet)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime if process.returncode == 0 else None


def stand_in(folder, tools):
    """An executable that measures the call it gets. Returns its path, and the file that the results go to."""
    script, results = folder / "measured-wizer", folder / "measured.json"
    here = pathlib.Path(__file__).resolve().parent
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(here)!r})\nimport measuring\n"
        f"measuring.take_call({ {tool: str(path) for tool, path in tools.items()}!r}, {str(results)!r})\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    results.unlink(missing_ok=True)
    return script, results


def take_call(tools, results):
    """The stand-in's work: ends with preinit's output in the place that the client named."""
    arguments, out = [], None
    words = iter(sys.argv[1:])
    for word in words:
        if word == "-o":
            out = next(words)
            arguments += ["-o", "OUT"]
        elif word.startswith("-o"):
            out = word[2:].removeprefix("=")
            arguments.append("-o=OUT")
        else:
            arguments.append(word)
    stdin = sys.stdin.buffer.read()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="preinit-measured-"))
    try:
        figures = compare(tools, arguments, scratch, stdin=stdin)
        pathlib.Path(results).write_text(json.dumps(figures))
        command = [next(iter(tools.values())), *with_output(arguments, out)]
        sys.exit(subprocess.run(command, input=stdin).returncode)
    finally:
        shutil.rmtree(scratch)


