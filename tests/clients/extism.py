"""Extism: a plug-in made with npm's @extism/as-pdk, run by PyPI's extism."""

import json

RUN = """
import json, sys
import extism
manifest = {"wasm": [{"path": sys.argv[1]}], "config": {"greeting": "hello"}}
with extism.Plugin(manifest) as plugin:
    print(json.dumps([plugin.call("square", key).decode() for key in ("k7", "k19999", "none")]))
"""
EXPECTED = ["hello k7: 49, call 1", "hello k19999: 399960001, call 2", "hello none: nothing, call 3"]


def compare(session):
    """The plug-in answers from a table that only its init function fills."""
    folder = session.npm("extism", {"@extism/as-pdk": "1.0.0", "assemblyscript": "0.28.20"})
    python = session.pip("extism-python", "extism==1.1.1", "extism-sys==1.41.0")
    session.copy("extism-plugin", folder)
    session.output(["npx", "asc", "plugin.ts", "-o", "plugin.wasm", "--optimize", "--use", "abort=plugin/myAbort"], folder)
    answers = {}
    for tool, path in {**session.wizers, "preinit": session.preinit, "preinit as wizer": session.linked}.items():
        session.output([path, "-f", "initialize", "plugin.wasm", "-o", "out.wasm"], folder)
        answers[tool] = json.loads(session.output([python, "-c", RUN, "out.wasm"], folder))
    for tool, found in answers.items():
        session.equal(f"a plug-in, initialized by {tool}", found, EXPECTED)
    session.measure("Extism", "AssemblyScript plug-in", ["-f", "initialize", "plugin.wasm", "-o", "OUT"], cwd=folder)
