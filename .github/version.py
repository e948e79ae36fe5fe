"""Prints the version of Cargo.toml."""

import pathlib
import tomllib

manifest = pathlib.Path(__file__).resolve().parents[1] / "Cargo.toml"
print(tomllib.loads(manifest.read_text())["package"]["version"])
