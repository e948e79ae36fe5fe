"""What a recipe works with: its folder, its page, both engines, and the result that it leaves."""

import datetime
import re
import shutil
import subprocess
from pathlib import Path

import in_v8
import in_wasmtime
import pages
import startup
from expectations import Different, expect, expect_lines

HERE = Path(__file__).resolve().parent


class Session:
    """One recipe's run."""

    def __init__(self, name, row, preinit, folder, measuring):
        self.name = name
        self.row = row
        self.preinit = preinit
        self.folder = folder
        self.measuring = measuring
        self.wasmtime = in_wasmtime.Wasmtime()
        version = subprocess.run([preinit, "--version"], text=True, capture_output=True, check=True).stdout.strip()
        self.result = {"preinit": version, "date": datetime.date.today().isoformat(), "start": {}}
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # npm would install into a folder above that has one.
        (folder / "package.json").write_text("{}")
        shutil.copytree(HERE, folder / "examples/packaging", ignore=shutil.ignore_patterns("__pycache__", "figures"))

    def follow(self, page=None):
        """Runs what the page says. Returns the folder that it was done in."""
        self.result["build"] = pages.follow(page or self.row["page"], self.folder, self.preinit)
        return self.folder

    def run(self, command, stdin="", env=None, cwd=None):
        """Standard output of a command that has to succeed."""
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=cwd or self.folder, env=env, input=stdin, text=True, capture_output=True)
        if done.returncode != 0:
            raise Different(f"`{' '.join(words)}` ends with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def advises(self, module, options, reason=""):
        """`preinit inspect` gives a command line with these options for the module, or none, and this reason among others."""
        said = subprocess.run([self.preinit, "inspect", module], text=True, capture_output=True).stdout
        [use] = [line.split(maxsplit=1)[1] for line in said.splitlines() if line.startswith("use ")]
        expect(f"{self.name}, the advice of inspect", use.partition("snapshot.wasm ")[2] or use, options)
        expect_lines(f"{self.name}, inspect", said, [reason])

    def sizes(self, before, after):
        """Notes the sizes of what went in and what came out."""
        self.result["size"] = [Path(file).stat().st_size for file in (before, after)]

    def answer(self, program, times=None):
        """The program's answer in Wasmtime, which is that in V8, too; without what this pattern matches in its messages."""
        answer, _ = self.wasmtime.run(program)
        [elsewhere], _ = in_v8.run([program])
        if times:
            answer.err, elsewhere.err = (re.sub(times, "", said.err) for said in (answer, elsewhere))
        expect(f"{self.name}, {program.file.name} in V8", elsewhere, answer)
        return answer

    def compare(self, before, after):
        """The answer of both programs, which is the same; sizes and start-up are noted (`measure`)."""
        answer, original = self.answer(after), self.answer(before)
        # What init returned is of the original alone.
        original.results = original.results[len(before.calls) - len(after.calls) :]
        expect(f"{self.name}, packaged", answer, original)
        self.measure(before, after)
        return answer

    def measure(self, before, after):
        """Notes sizes and, if that is wanted, start-up."""
        self.sizes(before.file, after.file)
        if self.measuring:
            self.result["start"] = startup.in_both_engines(self.wasmtime, [before, after])

    def start(self, engine, before, after):
        """Notes start-up that a recipe has measured by itself, in milliseconds."""
        self.result["start"][engine] = [before, after]

    def summary(self):
        """What came out, in a line."""
        words = []
        if "size" in self.result:
            words.append("{:.1f} -> {:.1f} MB".format(*(size / 1e6 for size in self.result["size"])))
        if "build" in self.result:
            words.append(f"preinit took {self.result['build']:.1f} s")
        words += [f"{engine} {before:.3g} -> {after:.3g} ms" for engine, (before, after) in self.result["start"].items()]
        return ", ".join(words)
