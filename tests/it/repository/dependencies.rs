//! Each dependency has its reason beside it; all come from the registry, and none is pinned.

use super::{none, read};
use std::path::Path;

const MANIFESTS: [&str; 2] = ["Cargo.toml", "crates/core/Cargo.toml"];

/// A line of a list of dependencies, with the comment that stands above or behind it.
struct Dependency<'a> {
    line: &'a str,
    reason: Option<&'a str>,
    is_published: bool,
}

fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let (mut found, mut list, mut above) = (Vec::new(), None, None);
    let mut open = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[').filter(|_| !open) {
            let section = section.trim_end_matches(']');
            list = section.ends_with("dependencies").then_some(!section.ends_with("dev-dependencies"));
        } else if let Some(comment) = line.strip_prefix("# ") {
            above = Some(comment);
            continue;
        } else if let Some(is_published) = list.filter(|_| !open && line.contains(" = ")) {
            let behind = line.rsplit_once(" # ").map(|(_, comment)| comment);
            found.push(Dependency { line, reason: behind.or(above), is_published });
            open = line.ends_with('[');
        }
        open &= !line.starts_with(']');
        above = None;
    }
    found
}

#[test]
fn every_dependency_has_a_reason() {
    let mut complaints = Vec::new();
    for path in MANIFESTS {
        let manifest = read(Path::new(path));
        let dependencies = dependencies(&manifest);
        assert!(dependencies.len() > 5, "{path}");
        for Dependency { line, reason, is_published } in dependencies {
            if reason.is_none() {
                complaints.push(format!("{path}: no reason for `{line}`"));
            }
            if is_published && line.contains("\"=") {
                complaints.push(format!("{path}: pinned: `{line}`"));
            }
        }
    }
    none(&complaints);
}

#[test]
fn reasons_are_found() {
    let manifest = "[dependencies]\n# For this.\na = \"1\"\nb = \"=2\"\nc = { version = \"3\", features = [\n    \"x\",\n] }\nd = \"1\" # for that\n\n\
        # Not a reason.\n\n[dev-dependencies]\ne = \"1\"\n[features]\nf = []\n";
    let found: Vec<_> = dependencies(manifest)
        .iter()
        .map(|found| (found.line.split(' ').next().unwrap(), found.reason))
        .collect();
    assert_eq!(
        found,
        [("a", Some("For this.")), ("b", None), ("c", None), ("d", Some("for that")), ("e", None)]
    );
}

#[test]
fn all_dependencies_come_from_the_registry() {
    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let lock = read(Path::new("Cargo.lock"));
    let sources: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    let checksums = lock.lines().filter(|line| line.starts_with("checksum = ")).count();
    assert!(sources.len() > 100 && checksums == sources.len());
    let others: Vec<String> = sources
        .iter()
        .filter(|source| source.trim_matches('"') != REGISTRY)
        .map(|source| format!("Cargo.lock: {source}"))
        .collect();
    none(&others);
}
