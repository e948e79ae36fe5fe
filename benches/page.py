#!/usr/bin/env python3
"""Makes the tables of docs/benchmarks.md and the pictures beside it from figures.json: `python3 benches/page.py`.

Tables stand between `<!-- NAME -->` and `<!-- /NAME -->`; the text around them is written by hand.
"""

from pathlib import Path

import charts
import figures
import tables

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "benchmarks.md"


def write(everything):
    parts, pictures = {}, {}
    if compare := everything.get("compare"):
        parts["build"], parts["sizes"], parts["startup"] = tables.build(compare), tables.sizes(compare), tables.startup(compare)
        parts["stripped"] = tables.stripped(compare)
        if compare["evaluated"]:
            parts["evaluated"] = tables.evaluated(compare)
        pictures["build-step.svg"], pictures["sizes.svg"] = charts.build_step(compare), charts.sizes(compare)
        pictures["startup.svg"] = charts.startup(compare, everything.get("freeze"))
    own = (("scaling", "scaling"), ("heap", "heap"), ("freeze", "frozen"), ("everyday", "everyday"), ("everyday", "shares"))
    for key, name in (*own, ("batch", "batch"), ("large", "large"), ("checks", "checks")):
        if key in everything:
            parts[name] = getattr(tables, name)(everything[key])
    if components := everything.get("components"):
        parts["components"], parts["components started"] = tables.components(components), tables.components_started(components)
    text = PAGE.read_text()
    for name, part in parts.items():
        text = replaced(text, name, part)
    PAGE.write_text(text)
    for name, picture in pictures.items():
        (DOCS / name).write_text(picture)


def replaced(text, name, part):
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{PAGE} has no place for `{name}`")
    return before + begin + part.strip() + "\n" + end + after


if __name__ == "__main__":
    write(figures.load())
