"""ShellCheck as a library that has checked a script, initialized by JavaScript."""

import json
import shutil
from pathlib import Path

from expectations import expect
from programs import Program

ROW = {
    "runtime": "ShellCheck",
    "page": "tools.md#shellcheck",
    "package": "PyPI `rshellcheck-wasm`",
    "how": "a first script checked",
    "directory": "no",
}
QUICK = True
REPOSITORY = Path(__file__).resolve().parents[3]
REQUEST = json.dumps({"script": "#!/bin/sh\nfor f in $(ls *.txt); do echo $f; done\n"})
CALLS = [["sc_prepare", len(REQUEST)], {"write": REQUEST, "at": 0}, ["sc_check"], ["sc_output_len"], {"read": 2, "length": 3}]


def run(session):
    host = "src/verify/other_engines/read_state.mjs"
    (session.folder / host).parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / host, session.folder / host)
    folder = session.follow()
    before = Program(folder / "rshellcheck_wasm_data/shellcheck_wasm.wasm", calls=CALLS)
    session.advises(before.file, "no command of preinit", "docs/state-file.md")
    after = Program(folder / "app.wasm", calls=CALLS)
    found, expected = (session.answer(program).results[4] for program in (after, before))
    expect("shellcheck", found, expected)
    expect("shellcheck's findings", [comment["code"] for comment in json.loads(found)["comments"]], [2045, 2035, 2086])
    session.measure(before, after)
