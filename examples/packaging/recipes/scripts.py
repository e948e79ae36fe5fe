"""The scripts of a thousand users on one engine that is compiled once."""

import time

from expectations import expect
from programs import Program

ROW = {
    "runtime": "JavaScript: scripts of 1,000 users",
    "page": "scripts.md",
    "package": "crate `rquickjs-sys`",
    "how": "`preinit batch`: a snapshot of one engine for each; sizes of one, time for all",
    "directory": "no",
    "folder": "scripts",
}
QUICK = False
REQUEST = "part 12\n"


def run(session):
    folder = session.follow() / "scripts"
    engine, apps = folder / "engine.wasm", sorted((folder / "apps").glob("*.wasm"))
    expect("snapshots of users' scripts", len(apps), 1000)
    for user in (0, 41, 999):
        answer = session.answer(Program(apps[user], stdin=REQUEST))
        expect(f"user {user}", (answer.out, answer.err, answer.code), (f'{{"price":{12 * (user + 1)},"name":"Part 12"}}', "", 0))
    session.run([session.preinit, "prepare", engine, "-o", "prepared"])
    script = (folder / "users/user-041.js").read_text()
    began = time.monotonic()
    session.run([session.preinit, engine, "--prepared", "prepared", "-o", "one.wasm", "--allow-wasi", "--quiet"], script)
    session.result["one in prepared code, s"] = round(time.monotonic() - began, 3)
    same = (session.folder / "one.wasm").read_bytes() == apps[41].read_bytes()
    expect("prepared code makes the snapshot of the batch", same, True)
    # The engine itself would read its script from the input that the request is on.
    session.sizes(engine, apps[41])
