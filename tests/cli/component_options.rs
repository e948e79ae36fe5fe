//! All options of the command, with a component.

use super::components::COMPONENT;
use super::{Place, failed, stderr};

/// What an option does with a component.
enum With {
    /// It works.
    Works,
    /// It is refused, with this exit code and these words, which name it.
    Refused(i32, &'static str),
    /// It is for other inputs or other commands, or shown elsewhere.
    Elsewhere(&'static str),
}

/// All options of the command, with a value if they take one.
const OPTIONS: &[(&str, &str, With)] = {
    use With::{Elsewhere, Refused, Works};
    &[
        ("--output", "", Elsewhere("each row has it")),
        ("--init-func", "wizer-initialize", Works),
        ("--init-result", "any", Works),
        ("--rename-func", "other=wizer-initialize", Works),
        ("--keep-init-func", "", Works),
        ("--cut-import", "", Elsewhere("golden cases")),
        ("--internalize", "", Refused(2, "internalizing imports in components; leave out --internalize")),
        (
            "--fresh-imports",
            "",
            Refused(2, "fresh in every instance in components; leave out --fresh-imports"),
        ),
        ("--layout", "compact", Works),
        ("--strip-init", "", Works),
        ("--opt", "", Works),
        ("--no-opt", "", Works),
        ("--at", "export:init", Works),
        ("--verify", "", Works),
        ("--reset-libc", "", Refused(1, "what it has cached of the host; leave out --reset-libc")),
        ("--rebase-clock", "", Works),
        ("--zero-stack", "", Refused(1, "has a memory of its own; leave out --zero-stack")),
        ("--scrub", "", Refused(2, "zeroing free memory in components; leave out --scrub")),
        (
            "--before-capture",
            "collect",
            Refused(2, "before the state is read in components; leave out --before-capture"),
        ),
        ("--allow-live-handles", "", Works),
        ("--keep-adapter-state", "", Works),
        ("--strict", "", Works),
        ("--help", "", Elsewhere("no component")),
        ("--version", "", Elsewhere("no component")),
        (
            "--preload",
            "env=in.wat",
            Refused(2, "preloaded modules in components; --preload is for imports of core modules"),
        ),
        ("--stub", "", Elsewhere("functions_of_interfaces_are_stubbed")),
        ("--stub-all", "", Works),
        ("--policy", "random=deny", Works),
        ("--show-values", "", Works),
        ("--allow-wasi", "", Works),
        ("--inherit-stdio", "--allow-wasi", Works),
        ("--stdin", "in.wat --allow-wasi", Works),
        ("--inherit-env", "--allow-wasi", Works),
        ("--env", "A=b --allow-wasi", Works),
        ("--arg", "word --allow-wasi", Works),
        ("--dir", ".::/data --allow-wasi", Works),
        ("--mapdir", "/data::. --allow-wasi", Works),
        ("--dir-ro", "/data::. --allow-wasi", Works),
        ("--dir-rw", "/data::. --allow-wasi", Works),
        ("--clock", "real --allow-wasi", Works),
        ("--random", "os --allow-wasi", Works),
        ("--file-times", "real --allow-wasi", Works),
        ("--embed", "", Elsewhere("components::embedded, in the library's tests")),
        ("--embed-exclude", "", Elsewhere("goes with --embed")),
        ("--embed-rw", "", Elsewhere("goes with --embed")),
        ("--embed-args", "", Elsewhere("goes with --embed")),
        ("--reopen", "", Elsewhere("goes with --embed")),
        ("--untrusted", "", Works),
        ("--timeout", "30s", Works),
        ("--max-memory", "1GiB", Works),
        ("--max-process-memory", "8GiB", Works),
        ("--fuel", "100000", Works),
        ("--no-cache", "", Works),
        ("--cache-dir", "cache", Works),
        ("--prepared", "in.wat", Refused(2, "--prepared is not there for components yet")),
        ("--result-cache", "--cache-dir cache", Works),
        ("--verbose", "", Works),
        ("--quiet", "", Works),
        ("--report", "report.html", Works),
        ("--capture-stdout", "printed.txt --allow-wasi", Works),
        ("--capture-stderr", "printed.txt --allow-wasi", Works),
        ("--ledger", "calls.jsonl", Works),
        ("--ledger-hash", "salted --ledger calls.jsonl", Works),
    ]
};

/// Each option works with a component, or is refused by its name.
#[test]
fn each_option_works_or_is_refused_by_its_name() {
    let help = Place::new().line("--help");
    let help = String::from_utf8(help.stdout).unwrap();
    let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let mut missing = Vec::new();
    for name in words
        .flat_map(|line| line.split([' ', ',', '=', '[', '<', '.']))
        .filter(|word| word.starts_with("--"))
    {
        // Those of Wizer that say which proposals are allowed have no effect anywhere.
        if name.len() > 2
            && !name.starts_with("--wasm-")
            && name != "--relaxed-simd-deterministic"
            && !OPTIONS.iter().any(|(known, ..)| *known == name)
        {
            missing.push(name.to_owned());
        }
    }
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    for (name, value, with) in OPTIONS {
        let place = Place::new();
        place.write("in.wat", COMPONENT);
        let output = place.line(&format!("in.wat -o out.wasm {name} {value}"));
        match with {
            With::Works => {
                assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
                assert!(!place.read("out.wasm").is_empty());
            }
            With::Refused(code, words) => {
                assert!(words.contains(name), "{name} is not in `{words}`");
                failed(&output, *code, words);
            }
            With::Elsewhere(why) => assert!(!why.is_empty()),
        }
    }
}
