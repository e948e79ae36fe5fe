//! Names that a hostile module chose, in every message that shows one: no escape sequence reaches the terminal, no line
//! is forged, and nothing gets longer than one can read.
//!
//! A case is a file of `evil-names/`. Its first lines are comments: `;; preinit ARGS` is run, once or more, and `;; says
//! TEXT` is part of what is printed. `NAME` is each of the names in turn, in the module and in the arguments, `RAW` the
//! same without WAT's escapes; `x.wat` is the module. The name must be shown, escaped, unless the case says that it may be
//! cut.

use std::fs;
use std::path::Path;

use super::Place;

/// Stands for a name of 90,000 letters.
const REPEATED: &str = "A";

/// Each with the form in which it is shown.
const NAMES: &[(&str, &str)] = &[
    ("\x1b[2J\x1b[31mred", "\\u{1b}[2J\\u{1b}[31mred"),
    ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
    ("a\nerror: forged", "a\\nerror: forged"),
    ("a\nwarning: forged\n  0: forged", "a\\nwarning: forged\\n  0: forged"),
    ("a\rforged", "a\\rforged"),
    ("a\tb\x08\x7f", "a\\tb\\u{8}\\u{7f}"),
    ("\u{9b}31mred\u{85}next", "\\u{9b}31mred\\u{85}next"),
    ("a\u{3164}b\u{115f}\u{1160}\u{ffa0}\u{2800}", "a\\u{3164}b\\u{115f}\\u{1160}\\u{ffa0}\\u{2800}"),
    ("exe\u{202e}gnp.\u{2066}\u{200f}", "exe\\u{202e}gnp.\\u{2066}\\u{200f}"),
    ("a\u{2028}error: forged\u{2029}", "a\\u{2028}error: forged\\u{2029}"),
    ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
    (REPEATED, "AAAAAA…AAAAAA"),
];

#[test]
fn names_are_shown_without_harm() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/evil-names");
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut faults = Vec::new();
    for file in &files {
        let case = fs::read_to_string(file).unwrap();
        let title = file.file_stem().unwrap().to_string_lossy();
        for (name, shown) in NAMES {
            let output = match *name {
                REPEATED => run(&case, &name.repeat(90_000)),
                name => run(&case, name),
            };
            faults.extend(fault(&case, &output, shown).map(|fault| {
                let start: String = output.escape_debug().take(1500).collect();
                format!("{title}, with {}: {fault}: {start}", &shown[..shown.len().min(40)])
            }));
        }
    }
    assert!(!files.is_empty() && faults.is_empty(), "{}", faults.join("\n\n"));
}

/// All that is printed when a case is run with `name`.
fn run(case: &str, name: &str) -> String {
    let place = Place::new();
    fs::create_dir(place.join("dir")).unwrap();
    let escaped: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    place.write("x.wat", case.replace("NAME", &escaped).replace("RAW", name));
    let mut printed = String::new();
    for line in case.lines().filter_map(|line| line.strip_prefix(";; preinit ")) {
        let args = line.split_whitespace().map(|word| word.replace("NAME", name));
        // The system takes no longer argument.
        let output = place.run(args.filter(|arg| arg.len() < 100_000));
        printed.push_str(std::str::from_utf8(&output.stderr).unwrap());
        printed.push_str(std::str::from_utf8(&output.stdout).unwrap());
    }
    printed
}

fn fault(case: &str, output: &str, shown: &str) -> Option<String> {
    let says = case.lines().filter_map(|line| line.strip_prefix(";; says "));
    if let Some(missing) = says.into_iter().find(|text| !output.contains(text)) {
        return Some(format!("`{missing}` is missing"));
    }
    let harmful = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
    };
    if let Some(found) = output.chars().find(harmful) {
        return Some(format!("it prints {found:?}"));
    }
    if !output.contains(shown) && !case.contains(";; the name may be cut") {
        return Some("the name is not shown".to_string());
    }
    let forged = |line: &&str| {
        ["error: forged", "warning: forged", "forged"].iter().any(|text| line.starts_with(text))
    };
    if let Some(line) = output.lines().find(|line| forged(line) || forged(&line.trim_start())) {
        return Some(format!("it prints the line `{line}`"));
    }
    (output.len() > 20_000).then(|| format!("it prints {} bytes", output.len()))
}
