"""Counts of what holds, what does not, and what does not hold yet."""

import pathlib

NOT_YET = pathlib.Path(__file__).with_name("not-yet.txt")


class Expectations:
    """What `tests/clients` and `tests/packages` expect."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.not_yet = []
        self.holds_now = []
        lines = NOT_YET.read_text().splitlines() if NOT_YET.exists() else []
        self.expected_to_fail = {line for line in lines if line and not line.startswith("#")}

    def holds(self, what, condition, found=""):
        """Notes whether something is as it should be."""
        known = what in self.expected_to_fail
        if condition:
            self.passed += 1
            if known:
                self.holds_now.append(what)
        elif known:
            self.not_yet.append(what)
        else:
            self.failed += 1
        word = "ok     " if condition else "NOT YET" if known else "FAILED "
        print(f"    {word} {what}" + ("" if condition or known else f"\n{found}"), flush=True)

    def equal(self, what, found, expected):
        """Notes whether two values are the same."""
        self.holds(what, found == expected, f"found    {found!r}\nexpected {expected!r}")

    def summarize(self):
        """Prints the counts."""
        for what in self.not_yet:
            print(f"NOT YET: {what}")
        for what in self.holds_now:
            print(f"HOLDS NOW, to be removed from {NOT_YET.name}: {what}")
        print(f"{self.passed} passed, {self.failed} failed, {len(self.not_yet)} skipped")
