"""Greets whom it reads of. Usage: main.py [--title TITLE], with a name on each line of standard input."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

import helper


def arguments():
    """Those of this run. In a frozen program, sys.argv is that of the build."""
    try:
        with open("/proc/self/cmdline", encoding="utf-8") as file:
            return file.read().split("\0")[1:-1]
    except FileNotFoundError:
        return sys.argv[1:]


def main():
    # What is imported before the first line is read is in the snapshot.
    names = sys.stdin.read().split()
    parser = argparse.ArgumentParser(prog="greet")
    parser.add_argument("--title", default="Guests")
    options = parser.parse_args(arguments())
    table = Table("name", "greeting", title=options.title)
    for name in names:
        table.add_row(name, helper.greeting(name))
    Console(width=40).print(table)
    sys.exit(0 if names else 3)


main()
