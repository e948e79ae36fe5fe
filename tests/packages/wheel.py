"""PyPI's wheel."""

import sys


def check(checks):
    """Builds the wheel by maturin, installs it into an empty environment, and runs it."""
    tools = checks.folder / "maturin"
    checks.run([sys.executable, "-m", "venv", tools])
    checks.run([tools / "bin/pip", "install", "--quiet", "maturin>=1.9,<2", "check-wheel-contents"])
    wheels = checks.empty("wheels")
    # As built here it is for this machine; a release builds it for older systems as well.
    build = [tools / "bin/maturin", "build", "--locked", "--profile", "dev", "--out", wheels, "--target-dir", checks.target]
    checks.run(build, checks.root)
    (wheel,) = wheels.iterdir()
    checks.run([tools / "bin/check-wheel-contents", wheel])

    installed = checks.folder / "installed"
    checks.run([sys.executable, "-m", "venv", installed])
    checks.run([installed / "bin/pip", "install", "--quiet", "--no-index", wheel])
    folder = checks.empty("wheel")
    checks.works("the wheel's preinit", [installed / "bin/preinit"], folder)
    python = installed / "bin/python"
    checks.works("python -m preinit", [python, "-m", "preinit"], folder)
    path = checks.run([python, "-c", "import preinit; print(preinit.binary())"], folder).stdout.strip()
    checks.equal("preinit.binary()", path, str(installed / "bin/preinit"))
    # As if another tool had moved the package away from its command.
    moved = "import preinit, sysconfig; sysconfig.get_path = lambda *_: '/nowhere'; preinit.binary()"
    failure = checks.run([python, "-c", moved], folder, expect=1).stderr
    checks.holds("a missing command is explained", "install the package preinit again" in failure, failure)

    elsewhere = checks.folder / "target-folder"
    checks.run([python, "-m", "pip", "install", "--quiet", "--no-index", "--target", elsewhere, wheel])
    env = {"PYTHONPATH": str(elsewhere), "PATH": "/usr/bin:/bin"}
    code = "import preinit; print(preinit.binary())"
    path = checks.run([sys.executable, "-c", code], folder, env).stdout.strip()
    checks.equal("preinit.binary() after pip install --target", path, str(elsewhere / "bin/preinit"))
