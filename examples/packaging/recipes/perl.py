"""Perl 5 as a reactor, initialized, with modules of its own; scripts come at run time."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "Perl 5",
    "page": "perl.md",
    "package": "npm `@6over3/zeroperl-ts`",
    "how": "files embedded, initialized as a reactor",
    "directory": "no",
}
QUICK = True
SCRIPT = 'use lib "/app"; use List::Util qw(sum); require Greet; print Greet::hello("World"), " ", sum(1..10);'
CALLS = [["zeroperl_eval", SCRIPT, 0, 0, 0], ["zeroperl_flush"]]


def run(session):
    folder = session.follow()
    wasm = folder / "node_modules/@6over3/zeroperl-ts/dist/cjs/zeroperl.wasm"
    session.advises(wasm, "--allow-wasi -f zeroperl_init --stub-all")
    (folder / "dev").mkdir()
    (folder / "dev/null").write_text("")
    dirs = {"/app": folder / "examples/packaging/perl", "/dev": folder / "dev"}
    before = Program(wasm, dirs=dirs, calls=[["_initialize"], ["zeroperl_init"], *CALLS])
    after = Program(folder / "app.wasm", calls=CALLS)
    answer = session.compare(before, after)
    expect("perl", (answer.out, answer.results[0]), ("hello World 55", 0))
