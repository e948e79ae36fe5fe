#!/usr/bin/env python3
"""Packages programs as docs/packaging says, and compares what comes out, without any directory, with what went in.

    run.py --preinit FILE                     # all recipes, in Wasmtime and V8
    run.py --preinit FILE --quick             # a few that take little: a minute or so in all
    run.py --preinit FILE --write             # with start-up, which goes into figures/ and the table of docs/packaging
    run.py --table                            # only makes the table again

Each file in recipes/ is one recipe. It runs the shell blocks of its page that are marked `sh,recipe`, and those that run the packaged
program if there is a `wasmtime` command. Needs npm, pip, wasmtime from
PyPI (`pip install wasmtime==50.0.1`), and Node 24 on PATH or in NODE. Ends with 1 if an answer is not the expected one, with 3 if
something cannot be had. A release build should make the figures; with other work on the machine, say --loaded.
"""
import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import pages
import table
from expectations import Different, Missing
from session import Session

HERE = Path(__file__).resolve().parent


def recipes():
    """The modules in recipes/, by name."""
    found = {}
    for file in sorted((HERE / "recipes").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"recipe_{file.stem}", file)
        found[file.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found[file.stem])
    return found


def follow(name, recipe, arguments, work):
    """One recipe. True, or None if something cannot be had, or False."""
    session = Session(name, recipe.ROW, arguments.preinit, work / name, arguments.write)
    began = time.monotonic()
    try:
        recipe.run(session)
        is_tried = pages.run_packaged(recipe.ROW["page"], session.folder / recipe.ROW.get("folder", ""))
    except Missing as missing:
        print(f"{name}: MISSING: {missing}", flush=True)
        return None
    except Different as difference:
        print(f"{name}: WRONG: {difference}", flush=True)
        return False
    if arguments.write:
        table.keep(name, session.result, arguments.loaded)
    untried = "" if is_tried else ", its `wasmtime` command not tried"
    print(f"{name}: right, {session.summary()}, {time.monotonic() - began:.0f} s in all{untried}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preinit", type=Path)
    parser.add_argument("--only", help="recipes, separated by commas")
    parser.add_argument("--quick", action="store_true", help="only recipes that take less than a minute each: some minutes in all")
    parser.add_argument("--write", action="store_true", help="measure; keep the figures and make the table of docs/packaging")
    parser.add_argument("--loaded", action="store_true", help="the machine has other work: noted with the figures")
    parser.add_argument("--table", action="store_true", help="only make the table again, from the kept figures")
    parser.add_argument("--work", type=Path, help="keep what is made in this folder")
    arguments = parser.parse_args()
    rows = recipes()
    if arguments.table:
        table.write(rows)
        return
    if arguments.preinit is None:
        parser.error("--preinit says which preinit")
    arguments.preinit = arguments.preinit.resolve()
    names = [name for name, recipe in rows.items() if hasattr(recipe, "run") and (recipe.QUICK or not arguments.quick)]
    if arguments.only:
        unknown = set(arguments.only.split(",")) - set(rows)
        if unknown:
            parser.error(f"no such recipe: {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
        names = arguments.only.split(",")
    ends = []
    if not arguments.write and not table.is_written(rows):
        print("docs/packaging/README.md: WRONG: its table is not that of the figures; `run.py --table` makes it")
        ends.append(False)
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            ends.append(follow(name, rows[name], arguments, (arguments.work or Path(scratch)).resolve()))
    if arguments.write:
        table.write(rows)
    sys.exit(1 if False in ends else 3 if None in ends else 0)


if __name__ == "__main__":
    main()
