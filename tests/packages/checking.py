"""What all three checks use: commands, expectations, and one real module to pre-initialize."""

import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from expectations import Expectations


class Checks(Expectations):
    """Counts what holds and what does not."""

    def __init__(self, root, target, preinit, folder):
        super().__init__()
        self.root = root
        self.target = target
        self.preinit = preinit
        self.folder = folder
        self.module = root / "test-programs/c/primes.wasm"
        self.version = self.run([preinit, "--version"]).stdout.strip()
        self.snapshot = folder / "expected.wasm"
        self.run([preinit, self.module, "-o", self.snapshot, "--no-cache"])

    def run(self, command, cwd=None, env=None, expect=0):
        """Runs a command; the check ends here if its exit code is not the expected one."""
        done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, text=True, capture_output=True)
        if done.returncode != expect:
            words = " ".join(str(word) for word in command)
            raise SystemExit(f"{words}\nends with {done.returncode} instead of {expect}:\n{done.stdout}{done.stderr}")
        return done

    def empty(self, name):
        """A new folder."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    def works(self, what, command, cwd, env=None):
        """Checks that a command is this preinit: its version, a snapshot, and the exit code of a failure."""
        version = self.run([*command, "--version"], cwd, env).stdout.strip()
        self.equal(f"{what} --version", version, self.version)
        out = cwd / "out.wasm"
        self.run([*command, self.module, "-o", out, "--no-cache"], cwd, env)
        self.equal(f"{what} makes the same snapshot", out.read_bytes() == self.snapshot.read_bytes(), True)
        failure = self.run([*command, "no-such-file.wasm"], cwd, env, expect=2)
        self.holds(f"{what} ends with 2 if it cannot", "no-such-file.wasm" in failure.stderr, failure.stderr)
