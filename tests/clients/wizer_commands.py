"""The command lines of Wizer's README and examples, under a link that is named `wizer`."""

PROGRAMS = {
    "rust": "test-programs/rust/guest.wasm",
    "command": "test-programs/c/command.wasm",
    "primes": "test-programs/c/primes.wasm",
    "cpp": "test-programs/cpp/constructors-command.wasm",
}
# (module (func (export "wizer-initialize") unreachable)), and the same that calls an import instead.
HEADER = b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0"
EXPORT = b"\7\x14\1\x10wizer-initialize\0"
TRAPPING = HEADER + b"\3\2\1\0" + EXPORT + b"\0" + b"\x0a\5\1\3\0\0\x0b"
CALLING = HEADER + b"\2\x0c\1\3env\4call\0\0" + b"\3\2\1\0" + EXPORT + b"\1" + b"\x0a\6\1\4\0\x10\0\x0b"

# What is called, the program, the arguments, and what is asked of the output afterwards.
WORKING = [
    ("README", "rust", ["IN", "--allow-wasi", "-f", "wizer.initialize", "-o", "OUT"], ["query(5)", "count()"]),
    ("the C++ example", "command",
     ["--allow-wasi", "--wasm-bulk-memory=true", "-f", "preinit", "-r", "_start=preinit.resume", "-o", "OUT", "IN"], []),
    ("C++ constructors", "cpp",
     ["--allow-wasi", "--wasm-bulk-memory=true", "-f", "preinit", "-r", "_start=preinit.resume", "-o", "OUT", "IN"], []),
    ("kept init function", "primes", ["-f", "preinit", "--keep-init-func", "true", "IN", "-o", "OUT"], ["query(5)", "prime(9)"]),
    ("option with =", "primes", ["-f=preinit", "--keep-init-func=true", "-o=OUT", "IN"], ["query(5)", "prime(9)"]),
    ("feature switches", "primes",
     ["-f", "preinit", "--wasm-multi-memory", "true", "--wasm-multi-value=true", "--wasm-simd", "true",
      "--wasm-reference-types", "true", "--wasm-bulk-memory", "true", "-o", "OUT", "--", "IN"], ["query(5)"]),
    ("no stdio, no environment", "rust",
     ["--allow-wasi", "--inherit-stdio", "false", "--inherit-env", "false", "-f", "wizer.initialize", "-o", "OUT", "IN"],
     ["query(5)"]),
    ("directories", "rust",
     ["--allow-wasi", "--dir", ".", "--mapdir", "/data::.", "-f", "wizer.initialize", "-o", "OUT", "IN"], ["query(5)"]),
    ("a renaming of what is not there", "primes", ["-f", "preinit", "-r", "_start=wizer.resume", "-o", "OUT", "IN"], ["query(5)"]),
]
FAILING = [
    ("no such export", "primes.wasm", ["-f", "nowhere", "-o", "OUT", "IN"]),
    ("init traps", "trapping.wasm", ["-f", "wizer-initialize", "-o", "OUT", "IN"]),
    ("init calls an import", "calling.wasm", ["-f", "wizer-initialize", "-o", "OUT", "IN"]),
    ("no such file", "nowhere.wasm", ["-o", "OUT", "IN"]),
    ("no such option", "primes.wasm", ["--no-such-option", "-o", "OUT", "IN"]),
    ("a command is no reactor", "command.wasm", ["-o", "OUT", "IN"]),
]


def compare(session):
    """Exit codes, what is printed, and what the outputs do, are those under Wizer 11, or 10 if 11 does not know the words."""
    folder = session.work / "wizer-commands"
    folder.mkdir(exist_ok=True)
    session.copy("wizer-commands", folder)
    for name, path in PROGRAMS.items():
        (folder / f"{name}.wasm").write_bytes((session.root / path).read_bytes())
    (folder / "trapping.wasm").write_bytes(TRAPPING)
    (folder / "calling.wasm").write_bytes(CALLING)
    wizer = session.wizers["Wizer 11"]
    for what, program, arguments, calls in WORKING:
        expected = working(session, folder, wizer, program, arguments, calls)
        if expected[0][0] != 0:
            expected = working(session, folder, session.wizers["Wizer 10"], program, arguments, calls)
        found = working(session, folder, session.linked, program, arguments, calls)
        session.equal(f"wizer: {what}", found[0], expected[0])
        session.equal(f"wizer's words: {what}", found[1], expected[1])
    for what, file, arguments in FAILING:
        expected = failing(session, folder, wizer, file, arguments)
        session.equal(f"wizer fails: {what}", failing(session, folder, session.linked, file, arguments), expected)
    standard_streams(session, folder, wizer)
    for version in ("-V", "--version"):
        session.equal(f"wizer {version}: exit code", session.run([session.linked, version]).returncode, 0)


def filled(arguments, file, out):
    """Arguments with the names of the files."""
    return [word.replace("OUT", out).replace("IN", file) if word.strip("-o=") in ("OUT", "IN") else word for word in arguments]


def working(session, folder, tool, program, arguments, calls):
    """The exit code with what the output answers, and what is printed."""
    done = session.run([tool, *filled(arguments, f"{program}.wasm", "out.wasm")], folder)
    asked = ""
    if done.returncode == 0:
        asked = session.output(["node", "--no-warnings", "ask.mjs", "out.wasm", *calls], folder)
    return (done.returncode, asked.splitlines()), done.stdout + done.stderr


def failing(session, folder, tool, file, arguments):
    """Exit code, and whether anything was printed where."""
    done = session.run([tool, *filled(arguments, file, "failed.wasm")], folder)
    return {"code": done.returncode, "stdout": bool(done.stdout), "stderr": bool(done.stderr)}


def standard_streams(session, folder, wizer):
    """Without -o and input, the module goes from standard input to standard output."""
    outputs = {}
    for tool in (wizer, session.linked):
        command = f"'{tool}' -f preinit < primes.wasm > piped.wasm"
        piped = session.run(["bash", "-c", command], folder)
        asked = session.output(["node", "--no-warnings", "ask.mjs", "piped.wasm", "query(77)"], folder)
        outputs[tool] = (piped.returncode, asked), piped.stderr
    (found, words), (expected, expected_words) = outputs[session.linked], outputs[wizer]
    session.equal("wizer: a filter", found, expected)
    session.equal("wizer's words: a filter", words, expected_words)
