"""Ruby's RubyVM: npm's @ruby/3.4-wasm-wasi under its own glue, @ruby/wasm-wasi. docs/ruby-vm.md explains what is done here."""

import json

PACKAGES = {"@ruby/3.4-wasm-wasi": "2.10.1", "@ruby/wasm-wasi": "2.10.1", "binaryen": "132.0.0"}
FEATURES = "bulk-memory bulk-memory-opt sign-ext mutable-globals nontrapping-float-to-int reference-types multivalue simd multimemory"
# The input is first, because an option of Wizer 10 takes all that follows it up to the next one.
INIT = ["booting.wasm", "-f", "wizer.initialize", "--allow-wasi", "--preload", "canonical_abi=stand-ins.wat"]
# Wizer 10 writes a module that is not valid: the passive segments of boot.wat get numbers that do not exist.
WRITES_INVALID = ("Wizer 10",)


def compare(session):
    """A VM that is initialized as the package does it, and one that starts from a snapshot, give the same answers."""
    folder = session.npm("ruby", PACKAGES)
    session.copy("ruby-vm", folder)
    ruby = "node_modules/@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm"
    features = [f"--enable-{name}" for name in FEATURES.split()]
    session.output(["npx", "wasm-merge", *features, ruby, "ruby", "boot.wat", "boot", "-o", "booting.wasm"], folder)

    def answers(module, state):
        return json.loads(session.output(["node", "--no-warnings", "answers.mjs", module, state], folder))

    expected = answers(ruby, "cold")
    tools = {tool: path for tool, path in session.wizers.items() if tool not in WRITES_INVALID}
    for tool, path in {**tools, "preinit": session.preinit, "preinit as wizer": session.linked}.items():
        session.output([path, *INIT, "-o", "out.wasm"], folder)
        session.equal(f"RubyVM, initialized by {tool}", answers("out.wasm", "ready"), expected)
    stubbed = ["-f", "wizer.initialize", "--allow-wasi", "--stub-all", "booting.wasm", "-o", "out.wasm"]
    session.output([session.preinit, *stubbed], folder)
    session.equal("RubyVM, initialized with --stub-all", answers("out.wasm", "ready"), expected)
    leaves_lines(session, folder, features)
    session.measure("RubyVM", "stdlib, JSON, ERB, a table", [*INIT, "-o", "OUT"], WRITES_INVALID, cwd=folder)


def leaves_lines(session, folder, features):
    """What Ruby has left over of standard input is said, and refused by a strict run."""
    ruby = "node_modules/@ruby/3.4-wasm-wasi/dist/ruby.wasm"
    session.output(["npx", "wasm-merge", *features, ruby, "ruby", "line.wat", "boot", "-o", "line.wasm"], folder)
    command = [session.preinit, "line.wasm", "--allow-wasi", "--stub-all", "-o", "line.out.wasm"]
    for strict, code in [([], 0), (["--strict"], 1)]:
        done = session.run([*command, *strict], folder, "first\nsecond\nthird\n")
        says = "a buffer of Ruby's IO holds 13 bytes of standard input" in done.stderr
        session.holds(f"RubyVM, a line of standard input {' '.join(strict)}".rstrip(), says and done.returncode == code, done.stderr)
