//! Nothing is too long to be read.

use super::rust_source::RustSource;
use super::{files, none, read};
use std::path::Path;

const FOLDERS: [&str; 6] = ["src", "crates", "tests", "benches", "examples", "fuzz"];

#[test]
fn files_have_at_most_400_lines() {
    let long = files(&FOLDERS, "rs").into_iter().filter_map(|path| {
        let lines = RustSource::read(&path).lines;
        (lines > 400).then(|| format!("{}: {lines} lines", path.display()))
    });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn functions_have_at_most_80_lines_and_5_parameters() {
    let mut complaints = Vec::new();
    let mut functions = 0;
    for path in files(&FOLDERS, "rs") {
        for function in RustSource::read(&path).functions() {
            functions += 1;
            let place = format!("{}:{}: `{}` has", path.display(), function.line, function.name);
            if function.lines > 80 {
                complaints.push(format!("{place} {} lines", function.lines));
            }
            // WASI says which parameters its functions have.
            let is_given = path.components().any(|part| part.as_os_str() == "file-layer");
            if function.parameters > 5 && !is_given {
                complaints.push(format!("{place} {} parameters", function.parameters));
            }
        }
    }
    assert!(functions > 2000, "only {functions} functions found");
    none(&complaints);
}

#[test]
fn the_readme_has_at_most_150_lines() {
    let lines = read(Path::new("README.md")).lines().count();
    assert!(lines <= 150, "{lines} lines");
}
