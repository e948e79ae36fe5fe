#!/usr/bin/env python3
"""Makes the npm packages, the wheel and the crates from this checkout, installs each into an empty folder, and runs them.
Copies the example of a build script into an empty folder, and builds and runs it; `build-plan` only asks cargo for its plan.

    python3 tests/packages/check.py --preinit target/debug/preinit [--only npm,wheel,crate,release,build-script]

npm's packages get the given binary. maturin and cargo build their own, in the development profile and the same target
directory, so that the engine is not compiled again. Needs npm and PyPI. Ends with 1 if anything is not as it should be.
"""

import argparse
import os
import pathlib
import sys
import tempfile

import build_script
import crate
import npm
import release
import wheel
from checking import Checks

CHECKS = {
    "npm": npm.check,
    "wheel": wheel.check,
    "crate": crate.check,
    "release": release.check,
    "build-plan": build_script.plan,
    "build-script": build_script.check,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preinit", required=True, type=pathlib.Path, help="the binary that goes into the npm packages")
    parser.add_argument("--only", default=",".join(name for name in CHECKS if name != "build-plan"), help="comma-separated: %(default)s")
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target")).resolve()
    with tempfile.TemporaryDirectory(prefix="preinit-packages-") as folder:
        checks = Checks(root, target, arguments.preinit.resolve(), pathlib.Path(folder))
        for name in arguments.only.split(","):
            CHECKS[name](checks)
    checks.summarize()
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
