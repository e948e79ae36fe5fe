"""A module of the application, which reads one of its files."""

from pathlib import Path

HERE = Path(__file__).parent


def greeting(name):
    if not name.isalpha():
        raise ValueError(f"{name} is no name")
    return (HERE / "data.txt").read_text().strip().format(name)
