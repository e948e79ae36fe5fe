//! A lint that is switched off says why.

use super::rust_source::RustSource;
use super::{files, none};

#[test]
fn every_exception_from_a_lint_has_a_reason() {
    let mut complaints = Vec::new();
    for path in files(&["src", "crates", "tests", "benches", "examples", "fuzz"], "rs") {
        for line in without_reason(&RustSource::read(&path).code) {
            complaints.push(format!("{}:{line}: no reason", path.display()));
        }
    }
    none(&complaints);
}

/// Lines of attributes that switch off a lint and give no reason.
fn without_reason(code: &str) -> Vec<usize> {
    let attributes = code.match_indices('#').filter_map(|(at, _)| {
        let inner = code[at + 1..].strip_prefix('!').unwrap_or(&code[at + 1..]);
        inner.starts_with('[').then(|| (at, &inner[..closing(inner).unwrap_or(inner.len())]))
    });
    let excepts = |text: &str| {
        ["allow", "expect"].iter().any(|word| {
            text.match_indices(word).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                text[at + word.len()..].starts_with('(') && before.is_some_and(|c| "[( ".contains(c))
            })
        })
    };
    attributes
        .filter(|(_, text)| excepts(text) && !text.contains("reason ="))
        .map(|(at, _)| code[..at].matches('\n').count() + 1)
        .collect()
}

/// Behind the bracket that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        (depth == 0).then_some(at + 1)
    })
}

#[test]
fn attributes_without_a_reason_are_found() {
    let text = "#[allow(dead_code)]\n#![expect(unused)]\n#[allow(x, reason = \"y\")]\n#[derive(Debug)]\n\
                #[cfg_attr(test, allow(z))]\nlet allow = value.expect(\"x\"); // #[allow(w)]\nv[#[inline] 1]";
    assert_eq!(without_reason(&RustSource::parse(text).code), [1, 2, 5]);
}
