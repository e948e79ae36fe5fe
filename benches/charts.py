"""Pictures of the figures: dot plots on logarithmic scales, as SVG that follows the reader's light or dark scheme."""

import math
from xml.sax.saxutils import escape

from tables import PROGRAMS

WIDTH, LABELS, GAP, MARGIN = 880, 118, 34, 20
ROW, HEADING, TOP = 34, 30, 128
# The lane of the peers lies below that of the rest, so that equal values do not hide each other.
LANE = 6

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--text); }
  .title { font-size: 17px; font-weight: 600; }
  .heading { font-weight: 600; }
  .small { font-size: 11px; }
  .quiet { fill: var(--quiet); }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .link { stroke: var(--grid); stroke-width: 5; stroke-linecap: round; }
  .paper { fill: var(--paper); stroke: var(--grid); }
  .original { fill: var(--original); }
  .ours { fill: var(--ours); }
  .wizer { fill: var(--paper); stroke: var(--wizer); stroke-width: 1.8; }
  .wasmtime { fill: none; stroke: var(--wasmtime); stroke-width: 1.8; }
  svg { --paper: #ffffff; --text: #1f2328; --quiet: #59636e; --grid: #d1d9e0;
        --original: #6e7781; --ours: #0969da; --wizer: #bc4c00; --wasmtime: #8250df; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #0d1117; --text: #f0f6fc; --quiet: #9198a1; --grid: #3d444d;
          --original: #9198a1; --ours: #58a6ff; --wizer: #f0883e; --wasmtime: #bc8cff; }
  }
"""


def dot(kind):
    return lambda x, y: f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def diamond(x, y):
    return f'<path class="ours" d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"/>'


def square(x, y):
    return f'<rect class="wizer" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'


def triangle(x, y):
    return f'<path class="wasmtime" d="M{x:.1f} {y - 5.5:.1f}l5.5 9.5h-11z"/>'


# By the name's beginning: how a tool is marked, and in which lane. Later marks lie on top.
MARKS = [
    ("original", dot("original"), -LANE),
    ("Wizer", square, LANE),
    ("wasmtime wizer", triangle, LANE),
    ("preinit, mappable", diamond, -LANE),
    ("preinit --opt", diamond, -LANE),
    ("preinit", dot("ours"), -LANE),
]


def mark_of(tool):
    return next((order, mark, lane) for order, (begin, mark, lane) in enumerate(MARKS) if tool.startswith(begin))


def number(value):
    """Two digits, or all before the point."""
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{value:.{digits}f}"


class Scale:
    def __init__(self, left, right, low, high):
        self.left, self.right, self.low, self.high = left, right, math.log10(low), math.log10(high)

    def at(self, value):
        return self.left + (math.log10(value) - self.low) / (self.high - self.low) * (self.right - self.left)

    def decades(self):
        return [10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]


def chart(title, subtitle, legend, unit, groups, panels):
    """`groups`: (heading, [label]); `panels`: (title, rows), a row as {tool: value}, in the order of all labels."""
    height = TOP + sum(HEADING * bool(heading) + ROW * len(labels) for heading, labels in groups) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(subtitle)}</desc><style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="title" x="{MARGIN}" y="32">{escape(title)}</text>',
        f'<text class="quiet" x="{MARGIN}" y="53">{escape(subtitle)}</text>',
        *marks_of_legend(legend),
    ]
    width = (WIDTH - LABELS - 2 * MARGIN - GAP * (len(panels) - 1)) / len(panels)
    y, middles, spans = TOP, [], []
    for heading, labels in groups:
        if heading:
            y += HEADING
            parts.append(f'<text class="heading" x="{MARGIN}" y="{y - 9}">{escape(heading)}</text>')
        spans.append((y, y + ROW * len(labels)))
        for label in labels:
            middles.append(y + ROW / 2)
            parts.append(f'<text x="{MARGIN}" y="{y + ROW / 2 + 4}">{escape(label)}</text>')
            y += ROW
    values = [value for _, rows in panels for row in rows for value in row.values()]
    # Room for the values' labels.
    low, high = min(values) / 2.4, max(values) * 2.2
    for at, (name, rows) in enumerate(panels):
        left = MARGIN + LABELS + at * (width + GAP)
        scale = Scale(left, left + width, low, high)
        parts += axis(name, scale, unit, spans)
        for middle, row in zip(middles, rows):
            parts += marks_of_row(scale, middle, row)
    return "\n".join([*parts, "</svg>"]) + "\n"


def marks_of_legend(legend):
    x, parts = MARGIN + 6, []
    for tool, text in legend:
        parts.append(mark_of(tool)[1](x, 78))
        parts.append(f'<text x="{x + 12}" y="82">{escape(text)}</text>')
        x += 36 + 6.7 * len(text)
    return parts


def axis(name, scale, unit, spans):
    parts = [f'<text class="heading" x="{scale.left}" y="{TOP - 12}">{escape(name)}</text>']
    for decade in scale.decades():
        x = scale.at(decade)
        parts += [f'<line class="grid" x1="{x:.1f}" y1="{first}" x2="{x:.1f}" y2="{last}"/>' for first, last in spans]
        label = f'<text class="small quiet" x="{x:.1f}" y="{spans[-1][1] + 17}" text-anchor="middle">{decade:g} {unit}</text>'
        parts.append(label)
    return parts


def marks_of_row(scale, middle, row):
    # Of ours, what would lie on top of the default is left out.
    default = scale.at(row["preinit"])
    row = {tool: value for tool, value in row.items()
           if tool == "preinit" or not tool.startswith("preinit") or abs(scale.at(value) - default) > 6}
    ends = [value for tool, value in row.items() if tool == "original" or tool.startswith("preinit")]
    y, parts = middle - LANE, []
    if len(ends) > 1:
        parts.append(f'<line class="link" x1="{scale.at(min(ends)):.1f}" y1="{y}" x2="{scale.at(max(ends)):.1f}" y2="{y}"/>')
    for tool in sorted(row, key=lambda tool: mark_of(tool)[0]):
        _, mark, lane = mark_of(tool)
        parts.append(mark(scale.at(row[tool]), middle + lane))
    ends.sort()
    for at, value in enumerate(ends):
        # The smallest value stands at the left of its mark, the largest at the right, others above.
        x, anchor, height = scale.at(value), "middle", y - 8
        if at == 0:
            x, anchor, height = x - 10, "end", y + 4
        elif at == len(ends) - 1:
            x, anchor, height = x + 10, "start", y + 4
        parts.append(f'<text class="small" x="{x:.1f}" y="{height}" text-anchor="{anchor}">{number(value)}</text>')
    return parts


def plain(name):
    return PROGRAMS[name].replace("`", "")


def legend_of(tools, **names):
    names = {"preinit, mappable": "preinit --layout mappable", **names}
    return [(tool, names.get(tool, tool)) for tool in tools]


def startup(compare, freeze):
    engines = [engine for engine in compare["start"] if engine.startswith(("Wasmtime 5", "V8"))]
    names, commands = list(compare["build"]), (freeze or {"commands": {}})["commands"]
    groups = [("Snapshot after an init function", [plain(name) for name in names])]
    if commands:
        groups.append(("Unchanged commands, frozen at their first read of input: only preinit", list(commands)))
    panels = []
    for engine in engines:
        rows = [{tool: cell["ms"] for tool, cell in compare["start"][engine][name].items() if cell} for name in names]
        for command in commands.values():
            # freeze.py names engines without the language of the embedding.
            times = next(times for other, times in command["ms"].items() if engine.startswith(other))
            rows.append({"original": times["original"], "preinit": times["frozen"]})
        panels.append((engine.removesuffix(" from Python"), rows))
    tools = compare["start"][engines[0]][names[0]]
    return chart(
        "Start-up, before and after",
        "Milliseconds from a compiled module to its first answer; logarithmic, further left is faster",
        legend_of(tools, original="original and its init"), "ms", groups, panels,
    )


def build_step(compare):
    rows = compare["build"]
    tools = list(next(iter(rows.values())))

    def seconds(name, warm):
        # A tool is marked the same way with and without a cache.
        chosen = [tool for tool in tools if tool.endswith(", warm") == warm]
        return {tool.removesuffix(", warm"): rows[name][tool]["seconds"] for tool in chosen}

    cached = [("nothing cached", False), ("compiled code cached by an earlier run", True)]
    panels = [(title, [seconds(name, warm) for name in rows]) for title, warm in cached]
    return chart(
        "The build step",
        "Seconds to make a snapshot, the whole process; logarithmic, further left is faster",
        legend_of(dict.fromkeys(tool.removesuffix(", warm") for tool in tools)), "s",
        [(None, [plain(name) for name in rows])], panels,
    )


def sizes(compare):
    rows = compare["sizes"]
    plain_sizes = [{tool: cell["mb"] for tool, cell in row.items()} for row in rows.values()]
    packed = [{tool: cell["packed"]["brotli"] for tool, cell in row.items() if "packed" in cell} for row in rows.values()]
    return chart(
        "Size of the module",
        "Megabytes; logarithmic, further left is smaller",
        legend_of(next(iter(rows.values()))), "MB",
        [(None, [plain(name) for name in rows])], [("as it is", plain_sizes), ("compressed with brotli", packed)],
    )
