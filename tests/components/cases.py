"""The inputs: how init is called, and the answers of the original after init.

A call is a function, its arguments, and the answer; `trap` is any trap.
"""


def query(answers):
    return [["query", [argument], answer] for argument, answer in answers.items()]


SYMBOLS = (
    "{exports: [{kind: freestanding({protocol: \"WitWorld\", name: \"query\"}), return-style: normal}, "
    "{kind: freestanding({protocol: \"WitWorld\", name: \"describe\"}), return-style: normal}], "
    "resources: [], records: [], %flags: [], tuples: [], variants: [], enums: [], options: [], results: []}"
)

CASES = [
    {"name": "lua", "file": "lua.component.wasm", "calls": query({5: 30012, 100: 30543, 777: 35906})},
    {"name": "quickjs", "file": "quickjs.component.wasm", "calls": query({5: 1018230, 100: 2018325})},
    {"name": "rust-regex", "file": "rust-regex.component.wasm", "calls": query({5: 12, 100: 107})},
    {"name": "stdio", "file": "stdio.component.wasm", "calls": query({5: 9574, 100: 1347})},
    {"name": "stdioreset", "file": "stdioreset.component.wasm", "calls": query({5: 9574, 100: 1347})},
    {"name": "composed", "file": "composed.wasm", "calls": query({5: 105, 100: 200, 777: 877})},
    {
        "name": "twice",
        "file": "twice.wat",
        "calls": query({1: 3481, 2: 5488, 3: 5493, 5: 7513, 7: 11555, 9: 11577}),
    },
    {"name": "tables", "file": "tables.wat", "calls": query({0: 30, 1: 20, 4: 30, 5: 30, 2: "trap"})},
    {"name": "handle", "file": "handle.wat", "refused": "1 handle is alive"},
    {
        "name": "qjs-async",
        "file": "qjs-async.before.wasm",
        "init": "init(SHIM, SCRIPT, none, false)",
        "texts": {"SHIM": "qjs.shim.js", "SCRIPT": "qjs.app.js"},
        "options": ["--cut-import", "local:init/module-loader"],
        "calls": query({5: 9579, 19999: 21298}),
        # Its asynchronous functions need a flag of V8 in Node 24.
        "node": ["--experimental-wasm-jspi"],
    },
    # Of test-programs: `wasm32-wasip2`, with the hash map and the closures of Rust's standard library.
    {
        "name": "rust-words",
        "component": "wasip2/words.wasm",
        "init": "preinit",
        "calls": [
            ["query", ["w5"], 60],
            ["describe", [0], "w0 of 1024: 56"],
            ["describe", [9999], "nothing"],
        ],
    },
    # As the tool makes it, which is a snapshot already.
    {
        "name": "componentize-js",
        "made": "js/make.mjs",
        "init": "preinit",
        "calls": query({5: 4131, 100: 602, 19999: 4073}),
    },
    {
        "name": "python",
        "file": "python.before.wasm",
        "archive": "python.dirs.tar.xz",
        "directories": ["python", "bundled", "world", "0"],
        "init": f"exports#init(\"app\", {SYMBOLS}, false)",
        "options": [
            *("--env", "PYTHONHOME=/python"),
            *("--env", "PYTHONPATH=/python:/world:/0:/bundled"),
            *("--env", "PYTHONUNBUFFERED=1"),
        ],
        "calls": [["query", [5], 96], ["describe", ["bob"], '{"name": "bob", "n": 20000}']],
    },
]

# Commands, frozen in the middle. `component` is one already, `core` a command for preview 1, of which jco makes one with the adapter,
# and `go` a program of which Go makes that first; all are of test-programs. What they print for `stdin` is what the original prints in
# Wasmtime.
COMMANDS = [
    {"name": "rust-at-stdin", "component": "wasip2/index.wasm", "at": "stdin", "stdin": "5\n7\nabc\n"},
    {"name": "rust-at-export", "component": "wasip2/index.wasm", "at": "export:_start", "stdin": "5\n7\nabc\n"},
    {
        "name": "rust-at-call",
        "component": "wasip2/index.wasm",
        "at": "wasi_snapshot_preview1.fd_read",
        "stdin": "4095\n",
    },
    {"name": "go-at-stdin", "go": "commands/go", "at": "stdin", "stdin": "fan 40\npipeline 30\ngrep ^ka.*ß$\nrecover\nword ba\n"},
    {"name": "go-at-function", "go": "commands/go", "at": "call:main.buildIndex", "stdin": "collect 3000\nfan 9\n"},
    {"name": "c-at-checkpoint", "core": "c/command.wasm", "at": "checkpoint", "stdin": ""},
]
