"""The example of a build script, as somebody copies it."""

import collections
import json
import os
import shutil
import time

UNWANTED = ("clap", "directories", "directories-next", "proptest", "wasmi")


def plan(checks):
    """Copies the example, changes the path only, and asks cargo what it would compile: the engine once."""
    folder = checks.empty("build-script") / "example"
    shutil.copytree(checks.root / "examples/build-script", folder, ignore=shutil.ignore_patterns("target", "Cargo.lock"))
    manifest = folder / "Cargo.toml"
    text = manifest.read_text()
    assert text.count('path = "../.."') == 1
    manifest.write_text(text.replace('path = "../.."', f'path = "{checks.root}"'))
    for profile in ("dev", "release"):
        built = compiled_crates(checks, folder, profile)
        twice = sorted(name for name, count in built.items() if count > 1)
        checks.equal(f"build script, {profile}: no crate is compiled twice", twice, [])
        unwanted = [name for name in UNWANTED if built[name]]
        checks.equal(f"build script, {profile}: nothing of the command is compiled", unwanted, [])
        checks.equal(f"build script, {profile}: an engine is compiled", built["wasmtime"], 1)
    return folder


def check(checks):
    """The same, and builds and runs it from nothing, which takes as long as an engine does."""
    folder = plan(checks)
    started = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    output = checks.run(["cargo", "run"], folder, environment).stdout
    print(f"    built and run from nothing in {time.monotonic() - started:.0f} s", flush=True)
    answered = output.startswith("9592 primes below 100000, ")
    checks.holds("build script: the embedded snapshot answers", answered, output)
    engines = list((folder / "target/debug/deps").glob("libwasmtime-*.rlib"))
    checks.equal("build script: engines on disk", len(engines), 1)


def compiled_crates(checks, folder, profile):
    """How often each crate is compiled, build scripts left aside."""
    # Cargo shows its plan to nightly compilers only.
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    command = ["cargo", "build", "--profile", profile, "--unit-graph", "-Z", "unstable-options"]
    graph = json.loads(checks.run(command, folder, environment).stdout)
    units = [unit for unit in graph["units"] if unit["mode"] == "build"]
    libraries = [unit for unit in units if "custom-build" not in unit["target"]["kind"]]
    # A package's identifier ends with `NAME@VERSION`; several versions are several crates.
    ids = {unit["pkg_id"] for unit in libraries}
    count = collections.Counter(unit["pkg_id"] for unit in libraries)
    names = {id: id.split("#")[-1].split("@")[0] for id in ids}
    result = collections.Counter()
    for id in ids:
        result[names[id]] = max(result[names[id]], count[id])
    return result
