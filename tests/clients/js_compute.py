"""Fastly's @fastly/js-compute. It has no option for another pre-initializer, so npm is told to exchange the package."""

import json

PACKAGES = {"@fastly/js-compute": "3.46.0"}
REQUESTS = [("GET", "http://example.test/a?k=k7"), ("POST", "http://example.test/b?k=none"), ("GET", "http://example.test/")]


def compare(session):
    """The same application, built with both, answers the same requests in the same way."""
    ways = {}
    for exchanged in (False, True):
        folder = session.npm("js-compute", PACKAGES, exchanged)
        session.copy("js-compute", folder)
        built = session.run(["npx", "js-compute-runtime", "app.js", "app.wasm"], folder)
        if built.returncode != 0:
            session.holds("js-compute builds", False, built.stdout + built.stderr)
            return
        asked = [
            json.loads(session.output(["node", "--no-warnings", "host.mjs", "app.wasm", *request], folder)) for request in REQUESTS
        ]
        ways[exchanged] = (asked, without_paths(built.stdout + built.stderr, folder))
    answers, words = zip(*ways.values())
    session.holds("js-compute under Wizer answers from its table", '"square":49' in answers[0][0]["body"], answers[0])
    session.equal("js-compute, initialized by @preinit/wizer", answers[1], answers[0])
    session.equal("js-compute prints the same", words[1], words[0])
    if session.measuring:
        measure(session)


def without_paths(text, folder):
    """What is printed, less Node's warnings, whose process ids differ."""
    lines = [line for line in text.splitlines() if not line.startswith("(")]
    return "\n".join(lines).replace(str(folder), "")


def measure(session):
    """The call that js-compute makes, as `dist/compileApplicationToWasm.js` has it, on its bundle of the application."""
    folder = session.npm("js-compute", PACKAGES)
    bundle = folder / "bundle"
    bundle.mkdir(exist_ok=True)
    session.output(
        ["npx", "js-compute-runtime", "--debug-intermediate-files", bundle, "app.js", "app.wasm"], folder
    )
    arguments = ["--inherit-env=true", "--allow-wasi", "--dir=.", f"--dir={bundle}", "-r", "_start=wizer.resume"]
    arguments += ["--wasm-bulk-memory=true", "-f", "wizer.initialize", "-o=OUT"]
    arguments.append("node_modules/@fastly/js-compute/fastly.wasm")
    program = f"{bundle}/fastly_bundle.js --legacy-script".encode()
    env = {"ENABLE_EXPERIMENTAL_HTTP_CACHE": "0"}
    session.measure("js-compute", "a table of 1,000", arguments, cwd=folder, stdin=program, env=env)
