"""What all clients use: tools, packages, commands, expectations."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import measuring
from expectations import Expectations

PEERS = {
    "node": "24.21.0",
    "wizer10": "npm:@bytecodealliance/wizer@10.0.0",
    "wizer11": "npm:@bytecodealliance/wizer@11.0.3",
}


class Missing(Exception):
    """Something that a registry should have could not be had."""


class Session(Expectations):
    """One run over the clients."""

    def __init__(self, root, work, preinit, measuring_too):
        super().__init__()
        self.root = root
        self.clients = root / "tests/clients"
        self.work = work
        self.preinit = preinit
        self.measuring = measuring_too
        self.figures = []
        self.missing = []
        self.wizers = {}
        self.environment = dict(os.environ)

    # Installing

    def install_peers(self):
        """Node and both Wizers, the packages of preinit, and `wizer` as a link to preinit."""
        folder = self.npm("peers", PEERS)
        self.environment["PATH"] = f"{folder / 'node_modules/.bin'}:{os.environ['PATH']}"
        for version in ("10", "11"):
            script = f"import wizer from 'wizer{version}'; process.stdout.write(wizer)"
            path = self.output(["node", "--input-type=module", "-e", script], folder)
            self.wizers[f"Wizer {version}"] = pathlib.Path(path)
        links = self.work / "links"
        links.mkdir(exist_ok=True)
        self.linked = links / "wizer"
        self.linked.unlink(missing_ok=True)
        self.linked.symlink_to(self.preinit)
        self.pack()

    def pack(self):
        """Makes preinit's own npm packages; `self.packages` has them by name."""
        out = self.work / "packages"
        shutil.rmtree(out, ignore_errors=True)
        build = self.output(["node", "-p", "process.platform + '-' + process.arch"])
        self.output(["node", self.root / "npm/pack.mjs", "--out", out, f"{build.strip()}={self.preinit}"])
        names = ["preinit", f"@preinit/{build.strip()}", "@preinit/wizer", f"@preinit/wizer-{build.strip()}"]
        version = self.output([self.preinit, "--version"]).split()[1]
        self.packages = {name: f"file:{out}/{name.strip('@').replace('/', '-')}-{version}.tgz" for name in names}

    def npm(self, name, packages, exchanged=False):
        """A folder with packages at the given versions, where preinit stands in for Wizer if it is `exchanged`."""
        folder = self.work / (name + ("-exchanged" if exchanged else ""))
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("npm") is None:
            raise Missing("npm is not here")
        description = {"private": True, "type": "module", "dependencies": dict(packages)}
        if exchanged:
            own = dict(self.packages)
            description["overrides"] = {"@bytecodealliance/wizer": own.pop("@preinit/wizer")}
            description["dependencies"].update(own)
            # The files may have changed, which npm does not see.
            for path in ("package-lock.json", "node_modules/.package-lock.json"):
                (folder / path).unlink(missing_ok=True)
            for path in ("preinit", "@preinit", "@bytecodealliance/wizer"):
                shutil.rmtree(folder / "node_modules" / path, ignore_errors=True)
        (folder / "package.json").write_text(json.dumps(description, indent=2))
        command = ["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefer-offline"]
        done = subprocess.run(command, cwd=folder, env=self.environment, text=True, capture_output=True)
        if done.returncode != 0:
            names = ", ".join(f"{package} {version}" for package, version in packages.items())
            raise Missing(f"npm could not install {names}: {done.stderr.strip()}")
        return folder

    def pip(self, name, *packages):
        """The interpreter of an environment with packages."""
        folder = self.work / name
        if not (folder / "bin/python").exists():
            self.output([sys.executable, "-m", "venv", folder])
        install = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        done = subprocess.run(install, text=True, capture_output=True)
        if done.returncode != 0:
            raise Missing(f"pip could not install {', '.join(packages)}: {done.stderr.strip()}")
        return folder / "bin/python"

    def copy(self, client, folder):
        """Copies the files of a client into an installed folder."""
        shutil.copytree(self.clients / client, folder, dirs_exist_ok=True)

    # Running

    def run(self, command, cwd=None, stdin="", env=None):
        """Runs a command to its end, whatever that is."""
        words = [str(word) for word in command]
        environment = self.environment if env is None else env
        return subprocess.run(words, cwd=cwd, env=environment, input=stdin, text=True, capture_output=True)

    def output(self, command, cwd=None, stdin=""):
        """Standard output of a command that has to succeed."""
        done = self.run(command, cwd, stdin)
        if done.returncode != 0:
            words = " ".join(str(word) for word in command)
            raise SystemExit(f"{words}\nends with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def measure(self, client, program, arguments, without=(), **how):
        """Takes CPU time and size of preinit's and Wizer's snapshots, if this is wanted. `OUT` in the arguments is the output."""
        if self.measuring:
            tools = {"preinit": self.preinit, **self.wizers}
            tools = {tool: path for tool, path in tools.items() if tool not in without}
            self.figures.append((client, program, measuring.compare(tools, arguments, self.work / "measured", **how)))

    def lack(self, reason):
        """Notes what could not be checked."""
        print(f"WARNING: {reason}", flush=True)
        self.missing.append(str(reason))
        return reason

    def finish(self):
        """Ends the process."""
        for reason in self.missing:
            print(f"NOT CHECKED: {reason}")
        self.summarize()
        sys.exit(1 if self.failed else 3 if self.missing else 0)
