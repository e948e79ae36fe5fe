"""A program in C++ that has read and indexed a list of words, frozen where it reads its input."""

from expectations import expect
from programs import Program

ROW = {
    "runtime": "C++",
    "page": "cpp.md",
    "package": "PyPI `ziglang`",
    "how": "a file embedded, frozen where it reads its input",
    "directory": "no",
}
QUICK = True


def run(session):
    folder = session.follow()
    session.advises(folder / "spelling.wasm", "--allow-wasi --at stdin")
    words = "babace\nzuz\nqqq\n"
    (folder / "data").mkdir()
    (folder / "words.txt").rename(folder / "data/words.txt")
    before = Program(folder / "spelling.wasm", stdin=words, dirs={"/data": folder / "data"})
    answer = session.compare(before, Program(folder / "app.wasm", stdin=words))
    expect("cpp", (len(answer.out.splitlines()), answer.out.splitlines()[-1], answer.code), (3, "qqq:", 0))
