//! Names and patterns in the options for files in modules: they mean something, or that is said.

use super::embed::{DATA, furnished, list};
use super::{code, done, failed, stderr};

/// Whoever leaves something out relies on it: these files may be secret.
#[test]
fn a_pattern_works_as_it_is_written_or_says_so() {
    let place = furnished();
    place.write("files/sub/key", "k");
    let words = ["files.wasm", "--allow-wasi", "--embed", DATA];
    let excluded = |patterns: &[&str]| {
        let patterns = patterns.iter().flat_map(|pattern| ["--embed-exclude", pattern]);
        let output = place.run(words.into_iter().chain(["-o", "out.wasm"]).chain(patterns));
        done(&output);
        (list(&place, "out.wasm").join("\n"), stderr(&output))
    };
    for pattern in ["sub", "sub/", "/sub", "./sub", "./sub/", "sub/**"] {
        let (listed, said) = excluded(&[pattern]);
        assert!(!listed.contains("key") && listed.contains("hello.txt"), "{pattern}: {listed}");
        assert!(!said.contains("--embed-exclude"), "{pattern}: {said}");
    }
    for pattern in ["key/", "/key", "data/sub", "files/sub", "subs", "sub/KEY"] {
        let (listed, said) = excluded(&[pattern]);
        assert!(listed.contains("/data/sub/key"), "{pattern}: {listed}");
        let expected = format!("warning: --embed-exclude `{pattern}` matches nothing: it is a name, or ");
        assert!(said.contains(&expected), "{pattern}: {said}");
    }
    // What another pattern leaves out, with all that is in it, is there to be matched.
    let (listed, said) = excluded(&["sub", "*.pyc", "/sub/__pycache__/one.*", "*.none"]);
    assert!(!listed.contains("/data/sub"), "{listed}");
    assert_eq!(said.matches("matches nothing").count(), 1, "{said}");
    for (pattern, expected) in
        [("!key", "nothing is taken back in"), ("../sub", "leads out"), ("/", "no name")]
    {
        let refused = place.run(words.into_iter().chain(["-o", "none.wasm", "--embed-exclude", pattern]));
        failed(&refused, 2, expected);
    }
}

#[test]
fn a_pattern_that_matches_nothing_is_said_by_every_command() {
    let place = furnished();
    let words = ["--allow-wasi", "--embed", DATA, "--embed-exclude", "none/"];
    let run = |first: &[&'static str]| place.run(first.iter().copied().chain(words));
    let said = "--embed-exclude `none/` matches nothing";
    done(&run(&["files.wasm", "-o", "out.wasm"]));
    for command in [&["audit", "files.wasm"][..], &["verify", "files.wasm", "out.wasm", "--sequences", "1"]] {
        let output = run(command);
        assert!(stderr(&output).starts_with("warning: ") && stderr(&output).contains(said), "{command:?}");
        let quiet = run(&[command, &["-qq"]].concat());
        assert!(!stderr(&quiet).contains(said), "{command:?}");
        failed(&run(&[command, &["--untrusted"]].concat()), 1, said);
    }
    for option in ["--strict", "--untrusted"] {
        failed(&run(&["files.wasm", "-o", "none.wasm", option]), 1, said);
    }
    let jobs = |options: &str| {
        format!(
            r#"{{"module": "files.wasm", "options": ["--allow-wasi", "--embed", "/data::files", "--embed-exclude", "none/"{options}],
                "jobs": [{{"output": "a.wasm"}}, {{"output": "b.wasm"}}]}}"#
        )
    };
    place.write("jobs.json", jobs(""));
    let output = place.run(["batch", "jobs.json"]);
    done(&output);
    assert_eq!(stderr(&output).matches(said).count(), 1, "{}", stderr(&output));
    place.write("jobs.json", jobs(r#", "--strict""#));
    failed(&place.run(["batch", "jobs.json"]), 1, said);
    place.write("jobs.json", jobs(r#", "-qq""#));
    assert!(!stderr(&place.run(["batch", "jobs.json"])).contains(said));
}

#[test]
fn a_file_to_be_opened_anew_that_is_not_there_is_said() {
    let place = furnished();
    for (words, expected) in [
        (&["--reopen", "/d/hello.txt"][..], Some("it is in none of the directories that are given")),
        (&["--mapdir", "/d::files", "--reopen", "/e/hello.txt"], Some("it is in none of the directories")),
        (&["--mapdir", "/d::files", "--reopen", "/d/sub/helo.txt"], Some("there is no `files/sub/helo.txt`")),
        (&["--mapdir", "/d::files", "--reopen", "/d/hello.txt"], None),
        (&["--mapdir", "d::files", "--reopen", "/d/sub/./one.py"], None),
        (&["--mapdir", ".::files", "--reopen", "sub/one.py"], None),
    ] {
        let first = ["files.wasm", "--allow-wasi", "-o", "out.wasm"];
        let output = place.run(first.iter().chain(words).copied());
        done(&output);
        let said = stderr(&output);
        match expected {
            Some(expected) => {
                let found = said.lines().find(|line| line.contains("--reopen"));
                assert!(found.is_some_and(|line| line.contains(expected)), "{words:?}: {said}");
                assert_eq!(code(&place.run(first.iter().chain(words).chain(&["--strict"]).copied())), 1);
            }
            None => assert!(!said.contains("--reopen"), "{words:?}: {said}"),
        }
    }
}
