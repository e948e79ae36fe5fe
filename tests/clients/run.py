#!/usr/bin/env python3
"""Installs programs that use Wizer, exchanges it for preinit, and compares the answers of what they make.

    python3 tests/clients/run.py --preinit target/debug/preinit [--only extism,ruby]
    python3 tests/clients/run.py --preinit target/release/preinit --measure --write

Each client is a file of its own. Everything comes from npm and PyPI, at fixed versions, into --work, which is kept for the
next time. --measure also takes CPU time and size, with Wizer's beside them; --write puts the table into docs/clients.md.

Ends with 0 if all answers are the same, 1 if not, and 3 if all that was compared is the same, but something could not be had.
"""

import argparse
import os
import pathlib
import sys
import time

import componentize_js
import extism
import js_compute
import ruby
import starlingmonkey
import table
import wizer_commands
from session import Missing, Session

CLIENTS = {
    "wizer-commands": wizer_commands,
    "extism": extism,
    "ruby": ruby,
    "js-compute": js_compute,
    "starlingmonkey": starlingmonkey,
    "componentize-js": componentize_js,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preinit", required=True, type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, help="default: clients in the target directory")
    parser.add_argument("--only", default=",".join(CLIENTS), help="comma-separated: %(default)s")
    parser.add_argument("--measure", action="store_true", help="take CPU time and size, with a release build")
    parser.add_argument("--write", action="store_true", help="put the table into docs/clients.md; needs --measure")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    work = (arguments.work or target / "clients").resolve()
    session = Session(root, work, arguments.preinit.resolve(), arguments.measure)
    try:
        session.install_peers()
    except Missing as missing:
        session.lack(f"no client at all: {missing}")
        session.finish()
    for name in arguments.only.split(","):
        begin = time.monotonic()
        print(f"--- {name}", flush=True)
        try:
            CLIENTS[name].compare(session)
        except Missing as missing:
            session.lack(f"{name}: {missing}")
        print(f"    {time.monotonic() - begin:.0f} s", flush=True)
    if arguments.measure:
        print(table.of(session.figures))
        if arguments.write:
            table.write(session.figures, root / "docs/clients.md", session.preinit)
    session.finish()


if __name__ == "__main__":
    main()
