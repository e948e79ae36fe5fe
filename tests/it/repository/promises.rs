//! Every promise of SECURITY.md names tests, and they exist.

use super::{files, none, read};
use std::path::Path;

const PAGE: &str = "SECURITY.md";

/// The links of a line whose text is code: the text and the target.
fn named(line: &str) -> Vec<(&str, &str)> {
    let links = line
        .split("[`")
        .skip(1)
        .filter_map(|rest| rest.split_once("`](")?.1.split_once(')').map(|end| (rest, end.0)));
    links.map(|(rest, target)| (rest.split('`').next().unwrap_or_default(), target)).collect()
}

/// Whether the source has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let before = source.split(&function).next().filter(|before| before.len() < source.len());
    // The attributes are the lines just before it.
    before.is_some_and(|before| {
        let lines = before.lines().rev();
        let mut attributes =
            lines.map(str::trim).take_while(|line| line.is_empty() || line.starts_with("#["));
        attributes.any(|line| line.starts_with("#[test"))
    })
}

/// The rows of the tables of promises.
fn promises(page: &str) -> Vec<&str> {
    let section =
        page.split("\n## ").find(|section| section.starts_with("What is promised")).unwrap_or_default();
    section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise |")).collect()
}

#[test]
fn every_promise_names_tests_that_exist() {
    let page = read(Path::new(PAGE));
    let promises = promises(&page);
    assert!(promises.len() > 20, "{promises:?}");
    let mut complaints = Vec::new();
    for promise in promises {
        let tests = named(promise);
        if tests.is_empty() {
            complaints.push(format!("no test: {promise}"));
        }
        for (name, path) in tests {
            if !path.ends_with(".rs") || !has_test(&read(Path::new(path)), name) {
                complaints.push(format!("{path} has no test `{name}`"));
            }
        }
    }
    for (name, path) in page.lines().flat_map(named).filter(|(_, path)| path.ends_with(".rs")) {
        if !has_test(&read(Path::new(path)), name) {
            complaints.push(format!("{path} has no test `{name}`"));
        }
    }
    none(&complaints);
}

/// What is tested there is promised, and is in the table of the tests themselves.
#[test]
fn every_file_of_security_tests_is_named() {
    let page = read(Path::new(PAGE));
    let table = read(Path::new("tests/cli/security/mod.rs"));
    let mut complaints = Vec::new();
    for path in files(&["tests/cli/security"], "rs") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "mod" {
            continue;
        }
        if !page.contains(&format!("({})", path.display())) {
            complaints.push(format!("{PAGE} does not name {}", path.display()));
        }
        if !table.contains(&format!("//! | `{name}` | ")) {
            complaints.push(format!("the table in tests/cli/security/mod.rs does not name {name}"));
        }
    }
    none(&complaints);
}

#[test]
fn tests_are_told_from_other_functions() {
    let source = "#[test]\nfn one() {}\nfn two() {}\n#[cfg(unix)]\n#[test(needs(Node))]\nfn three() {}";
    assert!(has_test(source, "one") && has_test(source, "three"));
    assert!(!has_test(source, "two") && !has_test(source, "on") && !has_test(source, "four"));
    assert_eq!(named("| a | [`b`](c.rs), [d](e.rs), [`f`](g.rs) |"), [("b", "c.rs"), ("f", "g.rs")]);
}
