"""Figures of the recipes, kept in figures/, and the table of docs/packaging that is made of them."""

import json
from pathlib import Path

import in_v8
import in_wasmtime

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "figures"
PAGE = HERE.parents[1] / "docs/packaging/README.md"
BEGIN, END = "<!-- recipes: written by examples/packaging/run.py -->", "<!-- end of recipes -->"
ENGINES = (in_wasmtime.NAME, in_v8.NAME)


def keep(name, result, loaded):
    """Keeps the figures of one recipe."""
    FIGURES.mkdir(exist_ok=True)
    text = json.dumps({**result, "loaded": loaded}, indent=1, sort_keys=True)
    (FIGURES / f"{name}.json").write_text(text + "\n")


def figures(name):
    """The kept figures of a recipe."""
    file = FIGURES / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else {"start": {}}


def made(recipes):
    """Markdown."""
    head = ["runtime", "package", "how", "size, MB", "preinit, s", *(f"start, {engine}, ms" for engine in ENGINES)]
    lines = ["| " + " | ".join([*head, "directory needed at run time"]) + " |", "|---|---|---|---|---|---|---|---|"]
    loaded, besides = False, []
    for name, recipe in sorted(recipes.items(), key=lambda entry: entry[1].ROW["runtime"].lower()):
        row, found = recipe.ROW, figures(name)
        loaded |= found.get("loaded", False)
        cells = [f"[{row['runtime']}]({row['page']})", row["package"], row["how"], *cells_of(found), row["directory"]]
        lines.append("| " + " | ".join(cells) + " |")
        besides += [f"- {row['runtime']}: {note}." for note in notes(found)]
    about = "Start is from a compiled module to the end of the first answer, before → after, medians of starts in turns. `preinit` began \
with an empty cache."
    if loaded:
        about += " \\* On a busy machine."
    return "\n".join([*lines, "", about, *([""] if besides else []), *besides])


def notes(found):
    """What a recipe has measured besides."""
    own = found.get("own snapshot")
    star = "\\*" if found.get("loaded") else ""
    if own:
        starts = ", ".join(f"{digits(ms)} ms{star} in {engine}" for engine, ms in own["start"].items())
        yield f"the package's own snapshot, without these imports, has {own['size'] / 1e6:.1f} MB and starts in {starts}"
    if "warmed up, ms" in found:
        yield f"with `prepare` called beforehand, {digits(found['warmed up, ms'])} ms{star} in {in_wasmtime.NAME}"
    if "one in prepared code, s" in found:
        yield f"one more script, in prepared code, takes {found['one in prepared code, s']:.2g} s{star}"


def cells_of(found):
    """Size, time of preinit, start-up in each engine."""
    star = "\\*" if found.get("loaded") else ""
    yield arrow([f"{size / 1e6:.1f}" for size in found["size"]]) if "size" in found else ""
    yield f"{found['build']:.1f}{star}" if "build" in found else ""
    for engine in ENGINES:
        times = found["start"].get(engine)
        yield arrow([digits(ms) for ms in times]) + star if times else ""


def arrow(pair):
    """Before and after."""
    return f"{pair[0]} → {pair[1]}"


def digits(ms):
    """Two digits that count, at least."""
    return f"{ms:,.0f}" if ms >= 10 else f"{ms:.2g}"


def parts(text):
    """What stands before the table, the table, and what comes after it."""
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    return before, table, after


def write(recipes):
    """Puts the table into the page."""
    before, _, after = parts(PAGE.read_text())
    PAGE.write_text(f"{before}{BEGIN}\n\n{made(recipes)}\n\n{END}{after}")


def is_written(recipes):
    """Whether the page has this table."""
    return parts(PAGE.read_text())[1].strip() == made(recipes).strip()
