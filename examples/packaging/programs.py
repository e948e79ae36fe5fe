"""A program to be run, and what it answers; both as an engine of any kind takes and gives them."""

from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Program:
    """A module, and what it is given. `calls` are exports with arguments; a text as an argument is put into memory by `malloc`.
    What is not a call uses memory by the results of calls before it: `{"write": TEXT, "at": N}`, `{"read": N}`, `{"read": N, "length": M}`."""

    file: Path
    args: list = field(default_factory=lambda: ["program"])
    stdin: str = ""
    env: dict = field(default_factory=dict)
    dirs: dict = field(default_factory=dict)
    calls: list = field(default_factory=lambda: [["_start"]])

    def as_data(self):
        """For another process."""
        return {**asdict(self), "file": str(self.file), "dirs": {guest: str(host) for guest, host in self.dirs.items()}}


@dataclass
class Answer:
    """What a program printed, its exit code, and what the calls returned."""

    out: str
    err: str
    code: int
    results: list
