"""The commands of a page of docs/packaging, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from expectations import Different, Missing

PAGES = Path(__file__).resolve().parents[2] / "docs/packaging"
BLOCK = re.compile(r"^```sh(,recipe)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
REGISTRIES = re.compile(r"\s*(npm (install|i|pack)|(python3? -m )?pip (install|download)|cargo (fetch|install|vendor)|apt-get download|venv/bin/pip install)\b")
# The time limit is for machines that have nothing else to do, and nothing may go on when the command has ended.
STAND_IN = """#!/bin/sh
began=$(date +%s%N)
case "$*" in *--timeout*) limit= ;; *) limit='--timeout 30m' ;; esac
case $1 in
*.wasm|*.wat) XDG_CACHE_HOME='{cache}' '{preinit}' "$@" $limit --no-cache --quiet; code=$? ;;
*) XDG_CACHE_HOME='{cache}' '{preinit}' "$@"; code=$? ;;
esac
echo $(( $(date +%s%N) - began )) >> '{times}'
exit $code
"""


def blocks(page):
    """The shell blocks of a page, or of a section (`page#section`), in order: whether each is of the recipe, and its text."""
    page, _, section = page.partition("#")
    text = (PAGES / page).read_text()
    if section:
        sections = {slug(part): part for part in text.split("\n## ")[1:]}
        if section not in sections:
            raise Different(f"docs/packaging/{page} has no section {section}")
        text = sections[section]
    return [(bool(recipe), script) for recipe, script in BLOCK.findall(text)]


def slug(section):
    """What links call a section."""
    return re.sub(r"[^\w -]", "", section.splitlines()[0].lower()).replace(" ", "-")


def follow(page, folder, preinit):
    """Runs the blocks of a page in the folder. Returns the seconds that preinit took in all of them."""
    scripts = [script for is_recipe, script in blocks(page) if is_recipe]
    if not scripts:
        raise Different(f"docs/packaging/{page} has no block that is marked `sh,recipe`")
    tools = folder / ".tools"
    tools.mkdir()
    times = tools / "times"
    stand_in = tools / "preinit"
    stand_in.write_text(STAND_IN.format(preinit=preinit, cache=tools / "cache", times=times))
    stand_in.chmod(0o755)
    for script in scripts:
        run(script, folder, tools)
    return sum(int(line) for line in times.read_text().split()) / 1e9 if times.exists() else 0.0


def run_packaged(page, folder):
    """Runs what the page says of running the packaged program, which must succeed. Returns whether there is a `wasmtime` for it."""
    scripts = [script for is_recipe, script in blocks(page) if not is_recipe and "wasmtime " in script]
    if not shutil.which("wasmtime"):
        return not scripts
    for script in scripts:
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, text=True, errors="replace", capture_output=True)
        if done.returncode != 0:
            raise Different(f"`{script.strip()}` ends with {done.returncode}:\n{done.stdout}{done.stderr}")
    return True


def run(script, folder, tools):
    """One block. What fails is a package that cannot be had if it is the command that installs it."""
    failed = tools / "failed"
    # Node and Python as this run has them.
    path = [str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]
    if "NODE" in os.environ:
        path.insert(1, str(Path(os.environ["NODE"]).resolve().parent))
    environment = {**os.environ, "PATH": os.pathsep.join(path), "npm_config_loglevel": "error", "npm_config_audit": "false",
                   "npm_config_fund": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
    trapped = f"trap 'printf \"%s\" \"$BASH_COMMAND\" > \"{failed}\"' ERR\n{script}"
    command = ["bash", "-E", "-e", "-o", "pipefail", "-c", trapped]
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, text=True, capture_output=True)
    if done.returncode != 0:
        what = failed.read_text() if failed.exists() else script
        message = f"`{what}` ends with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise (Missing if REGISTRIES.match(what) else Different)(message)
