"""crates.io's crates."""

import os
import tarfile


def check(checks):
    """Packs both crates, unpacks them into an empty folder, builds the command there, and runs it."""
    crates = ["preinit-core", "preinit"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(checks.target)}
    names = [word for crate in crates for word in ("-p", crate)]
    # Cargo would verify them with a target directory of their own, and compile the engine again.
    checks.run(["cargo", "package", "--locked", "--no-verify", "--allow-dirty", *names], checks.root, environment)
    dry = ["cargo", "publish", "--dry-run", "--locked", "--no-verify", "--allow-dirty", *names]
    checks.run(dry, checks.root, environment)
    version = checks.version.split()[1]
    folder = checks.empty("crates")
    for crate in crates:
        packed = checks.target / f"package/{crate}-{version}.crate"
        size = packed.stat().st_size
        checks.holds(f"the crate {crate} is smaller than 1 MB: {size // 1000} kB", size < 1_000_000)
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
    package = folder / f"preinit-{version}"
    for file in ("LICENSE", "README.md", "Cargo.lock"):
        checks.holds(f"the crate has {file}", (package / file).is_file(), "it is not there")
    core = f'patch.crates-io.preinit-core.path="{folder}/preinit-core-{version}"'
    binary = checks.target / "debug/preinit"
    # With the example, features are those of the development's dependencies too, so that the engine is there already.
    build = ["cargo", "build", "--offline", "--bin", "preinit", "--example", "startup", "--config", core]
    checks.run(build, package, environment)
    checks.works("the crate's preinit", [binary], folder)
