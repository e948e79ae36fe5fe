"""The figures as a table, and docs/clients.md."""

import datetime
import subprocess

BEGIN, END = "<!-- figures: written by tests/clients/run.py -->", "<!-- end of figures -->"
TOOLS = ("preinit", "Wizer 10", "Wizer 11")


def of(figures):
    """Markdown."""
    columns = [f"{tool}: {what}" for tool in TOOLS for what in ("cold, s", "warm, s", "MB")]
    lines = ["| client | program | " + " | ".join(columns) + " |", "|---|---|" + "---:|" * len(columns)]
    for client, program, by_tool in figures:
        cells = [client, program]
        for tool in TOOLS:
            found = by_tool.get(tool)
            cells += [seconds(found["cold"]), seconds(found["warm"]), megabytes(found["bytes"])] if found else ["fails", "", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def seconds(value):
    """Two digits that count."""
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def megabytes(value):
    """Size of a file."""
    return f"{value / 1e6:.2f}"


def write(figures, page, preinit):
    """Puts the table between the marks of the page."""
    text = page.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    version = subprocess.run([preinit, "--version"], text=True, capture_output=True, check=True).stdout.strip()
    when = datetime.date.today().isoformat()
    page.write_text(f"{before}\n\n{of(figures)}\n\n{version}, {when}, a machine with two cores.\n\n{after}")
