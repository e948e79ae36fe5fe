"""StarlingMonkey's own script, componentize.sh, in both forms that it has had: for `wizer` and for `wasmtime wizer`.

The engine is the one inside ComponentizeJS, which is StarlingMonkey with more exports. The program is served by `jco serve`.
"""

import componentize_js
from serving import served

ENGINE = "node_modules/@bytecodealliance/componentize-js/lib/starlingmonkey_embedding.wasm"
FOR_WIZER = ["--allow-wasi", "--wasm-bulk-memory", "true", "--inherit-stdio", "true", "--inherit-env", "true", "--dir", "."]
FOR_WASMTIME = ["-S", "cli", "-S", "inherit-env", "-W", "bulk-memory", "-W", "unknown-imports-trap", "--dir", "."]


def compare(session):
    """The same service, whatever makes it."""
    folder = session.npm("componentize-js", componentize_js.PACKAGES)
    session.copy("starlingmonkey", folder)
    wizer, preinit = session.wizers["Wizer 11"], session.preinit
    expected = service(session, folder, [wizer, *FOR_WIZER, "-o", "core.wasm", "--", ENGINE])
    session.holds("StarlingMonkey under Wizer answers from its table", '"square":49' in str(expected), expected)
    forms = {
        "preinit with Wizer's arguments": [preinit, *FOR_WIZER, "-o", "core.wasm", "--", ENGINE],
        "preinit as wizer": [session.linked, *FOR_WIZER, "-o", "core.wasm", "--", ENGINE],
        "preinit with `wasmtime wizer`'s": [preinit, *FOR_WASMTIME, "-o", "core.wasm", ENGINE],
        "preinit wizer": [preinit, "wizer", *FOR_WASMTIME, "-o", "core.wasm", ENGINE],
    }
    for form, command in forms.items():
        session.equal(f"StarlingMonkey, {form}", service(session, folder, command), expected)
    arguments = ["-f", "wizer-initialize", *FOR_WIZER, "-o", "OUT", "--", ENGINE]
    program = b" served.js"
    session.measure("StarlingMonkey", "a table of 100", arguments, cwd=folder, stdin=program, env={})


def service(session, folder, command):
    """What a request to the program is answered, or what goes wrong."""
    environment = {"PATH": session.environment["PATH"], "WASMTIME_BACKTRACE_DETAILS": "1"}
    made = session.run(command, folder, stdin=" served.js\n", env=environment)
    if made.returncode != 0:
        return made.stdout + made.stderr
    session.output(["node", "component.mjs", "core.wasm"], folder)
    with served(session, folder, "component.wasm") as request:
        return request("/a?k=k7")
