"""ComponentizeJS: components from JavaScript, as `wizerBin` and by exchanging the package of Wizer."""

import datetime
import json

import measuring
from serving import served

PACKAGES = {
    "@bytecodealliance/componentize-js": "0.23.0",
    "@bytecodealliance/jco": "1.35.0",
    "@bytecodealliance/preview2-shim": "0.26.1",
    "acorn": "8.19.0",
    "lodash-es": "4.18.1",
}
PROGRAMS = {
    "lodash": ["w7 foo-bar", "none a_b"],
    "acorn": ["const a = 1; class B { #c = async () => `x${a}` }", "let let = 1"],
    "dates": ["init", "now"],
    "console": ["one", "two"],
    "http": [],
}


def compare(session):
    """Five programs made in three ways give the same answers, and one that throws gives the same message."""
    own = session.npm("componentize-js", PACKAGES)
    exchanged = session.npm("componentize-js", PACKAGES, exchanged=True)
    for folder in (own, exchanged):
        session.copy("componentize-js", folder)
    ways = {
        "Wizer": lambda program: make(session, own, program),
        "wizerBin: preinit": lambda program: make(session, exchanged, program, "preinit"),
        "@preinit/wizer": lambda program: make(session, exchanged, program),
    }
    for program, inputs in PROGRAMS.items():
        answers = {}
        for way, build in ways.items():
            built = build(program)
            if built.returncode == 0:
                folder = own if way == "Wizer" else exchanged
                answers[way] = serve(session, folder) if program == "http" else ask(session, folder, inputs)
            else:
                answers[way] = built.stdout + built.stderr
        wizers = answers.pop("Wizer")
        session.holds(f"ComponentizeJS, {program}, Wizer", not isinstance(wizers, str), wizers)
        if program == "dates":
            check_dates(session, wizers, answers)
            continue
        for way, found in answers.items():
            session.equal(f"ComponentizeJS, {program}, {way}", found, wizers)
    check_throwing(session, ways)
    if session.measuring:
        for program in PROGRAMS:
            measure(session, exchanged, program)


def make(session, folder, program, wizer_bin=None):
    """Makes component.wasm. `wizer_bin` is a path, or `preinit` for the default export of that package."""
    return session.run(["node", "make.mjs", program, *([wizer_bin] if wizer_bin else [])], folder)


def ask(session, folder, inputs):
    """What the component answers and prints."""
    asked = session.run(["node", "ask.mjs", *inputs], folder)
    return {"answers": asked.stdout.splitlines(), "errors": asked.stderr.splitlines(), "code": asked.returncode}


def serve(session, folder):
    """What the component answers to a request under `jco serve`."""
    with served(session, folder, "component.wasm") as request:
        return request("/a?k=k7", b"hello")


def check_dates(session, wizers, answers):
    """What init saw of the clock is frozen; what is asked later is of now, and random numbers differ."""
    today = datetime.datetime.now(datetime.timezone.utc)
    for way, found in {"Wizer": wizers, **answers}.items():
        lines = found["answers"] if isinstance(found, dict) else []
        if len(lines) != 2:
            session.holds(f"ComponentizeJS, dates, {way}", False, found)
            continue
        at_init, now = (json.loads(line) for line in lines)
        session.equal(f"ComponentizeJS, dates, {way}: the year of now", now.pop("year"), today.year)
        expected = {"later": True, "differ": True, "uuid": 36, "perf": "number", "calls": 2}
        session.equal(f"ComponentizeJS, dates, {way}: the rest", now, expected)
        # Wizer gives init this machine's clock; preinit's is the same at every build.
        year = today.year if way == "Wizer" else 2000
        session.equal(f"ComponentizeJS, dates, {way}: the year of init", at_init["init"][:4], str(year))


def check_throwing(session, ways):
    """ComponentizeJS strips what Wizer says of a trap, and shows what the program said."""
    messages = {}
    for way, build in ways.items():
        done = build("throws")
        # Node shows the line that threw, the path of the pre-initializer, and a stack.
        lines = done.stderr.partition("Error: Failed to initialize component")[2].splitlines()[1:]
        lines = [line for line in lines if not line.strip().startswith(("at ", "Node.js"))]
        messages[way] = (done.returncode, "\n".join(lines).strip())
    wizers = messages.pop("Wizer")
    session.holds("ComponentizeJS shows the program's error", "boom at init" in wizers[1], wizers)
    for way, found in messages.items():
        session.equal(f"ComponentizeJS shows nothing else, {way}", found, wizers)


def measure(session, folder, program):
    """CPU time of the calls that ComponentizeJS makes."""
    script, results = measuring.stand_in(folder, {"preinit": session.preinit, **session.wizers})
    done = make(session, folder, program, script)
    if done.returncode != 0:
        raise SystemExit(f"ComponentizeJS could not be measured: {done.stderr}")
    session.figures.append(("ComponentizeJS", program, json.loads(results.read_text())))
