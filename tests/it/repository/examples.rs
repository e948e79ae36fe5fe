//! Shell blocks of the documents that are marked `sh,run`: each is a test, in a scratch folder that has `test-programs`,
//! `examples` and `include` of the repository, with `preinit` on the path.

use super::documents::{Document, all};
use super::{SKIPPED, read};
use preinit_testing::{Trial, repository};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for path in all() {
        let blocks = Document::parse(&read(&path)).blocks;
        for (_, line, script) in blocks.into_iter().filter(|(words, ..)| words == "sh,run") {
            let name = format!("repository::examples::{}:{line}", path.display());
            trials.push(Trial::test(name, move || run(&script).map_err(Into::into)));
        }
    }
    trials
}

fn run(script: &str) -> Result<(), String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    for folder in ["test-programs", "examples", "include"] {
        copy(&repository().join(folder), &scratch.path().join(folder)).map_err(|error| error.to_string())?;
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_preinit"));
    let mut path = vec![program.parent().unwrap_or(Path::new(".")).to_path_buf()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let output = Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", script])
        .current_dir(scratch.path())
        .env("PATH", std::env::join_paths(path).map_err(|error| error.to_string())?)
        .env("XDG_CACHE_HOME", scratch.path().join(".cache"))
        .output()
        .map_err(|error| format!("bash: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{}\n{script}---\n{stdout}---\n{stderr}", output.status))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[test]
fn there_are_examples() {
    assert!(trials().len() >= 15, "{}", trials().len());
}

#[test]
fn a_script_that_fails_is_a_failure() {
    assert!(run("test -f test-programs/README.md && preinit --version").is_ok());
    let error = run("echo before; false; echo after").unwrap_err();
    assert!(
        error.contains("before") && error.contains("exit status: 1") && !error.contains("---\nbefore\nafter")
    );
    assert!(run("false | true").is_err(), "a part of a pipe");
}
