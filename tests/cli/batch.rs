//! Many snapshots of one module.

use super::{Place, code, done, failed, stderr};
use serde_json::{Value, json};

/// Init keeps the first four bytes of standard input, and traps where there are none.
const KEEPS_INPUT: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\04\00\00\00")
    (func (export "preinit")
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.eqz (i32.load (i32.const 8))) (then unreachable)))
    (func (export "loops") (loop $l (br $l)))
    (func (export "kept") (result i32) (i32.load (i32.const 64))))"#;

fn place() -> Place {
    let place = Place::new();
    place.write("in.wasm", wat::parse_str(KEEPS_INPUT).unwrap());
    place
}

fn report(place: &Place) -> Vec<Value> {
    serde_json::from_slice(&place.read("report.json")).unwrap()
}

/// What is typed in vain is said as by a run of its own, but once.
#[test]
fn options_without_effect_are_said() {
    let place = place();
    place.write("a", "1234");
    let jobs = |options: Value| {
        let job = |name: &str| json!({"output": name, "stdin": "a"});
        json!({"module": "in.wasm", "options": options, "jobs": [job("a.wasm"), job("b.wasm")]}).to_string()
    };
    let unset = "warning: environment variable `PREINIT_NONE` is not set here, or not Unicode: left out\n";
    place.write("jobs.json", jobs(json!(["--allow-wasi", "--env", "PREINIT_NONE"])));
    let output = place.line("batch jobs.json");
    done(&output);
    assert_eq!(stderr(&output), unset);
    place.write("jobs.json", jobs(json!(["--allow-wasi", "-qq", "--env", "PREINIT_NONE"])));
    assert_eq!(stderr(&place.line("batch jobs.json")), "");
    place.write("jobs.json", jobs(json!(["--allow-wasi", "--stub", "env.none"])));
    let output = place.line("batch jobs.json");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--stub: the module has no import `env.none`"), "{}", stderr(&output));
}

#[test]
fn every_job_gives_what_a_run_of_its_own_gives() {
    let place = place();
    std::fs::create_dir(place.join("inputs")).unwrap();
    for k in 0..40 {
        place.write(&format!("inputs/{k:02}"), format!("{k:04}"));
    }
    done(
        &place.line(
            "batch in.wasm --each inputs --into made --report report.json --parallel 4 -- --allow-wasi",
        ),
    );
    let reports = report(&place);
    assert_eq!(reports.len(), 40);
    for (k, report) in reports.iter().enumerate() {
        let made = place.read(&format!("made/{k:02}.wasm"));
        let line = "in.wasm -o single.wasm --allow-wasi --inherit-stdio";
        done(&place.line_with_stdin(line, format!("{k:04}").as_bytes()));
        assert!(made == place.read("single.wasm"), "job {k}");
        assert_eq!(report["output"], format!("made/{k:02}.wasm"));
        assert_eq!(report["bytes"], made.len());
        assert!(report.get("error").is_none() && report["sha256"].as_str().unwrap().len() == 64);
    }
    assert_ne!(reports[0]["sha256"], reports[1]["sha256"]);
}

#[test]
fn jobs_have_options_of_their_own_and_fail_alone() {
    let place = place();
    place.write("input", "abcd");
    place.write("empty", "");
    let jobs = json!({ "module": "in.wasm", "options": ["--allow-wasi", "--timeout", "300ms"], "jobs": [
        { "output": "a.wasm", "stdin": "input" },
        { "output": "refused.wasm", "stdin": "empty" },
        { "output": "kept.wasm", "stdin": "input", "options": ["--keep-init-func"] },
        { "output": "slow.wasm", "options": ["-f", "loops"] },
        { "output": "missing.wasm", "stdin": "nothing" },
        { "output": "reset.wasm", "stdin": "input", "options": ["--fuel", "1000"] },
    ] });
    place.write("jobs.json", jobs.to_string());
    let output = place.line("batch jobs.json --report report.json");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let reports = report(&place);
    let errors: Vec<&str> = reports.iter().map(|report| report["error"].as_str().unwrap_or("")).collect();
    assert!(errors[0].is_empty() && errors[2].is_empty() && errors[5].is_empty(), "{errors:?}");
    assert!(errors[1].contains("unreachable"), "{errors:?}");
    assert!(errors[3].contains("longer than the time limit of 300ms"), "{errors:?}");
    assert!(errors[4].contains("cannot read `nothing`"), "{errors:?}");
    for name in ["refused.wasm", "slow.wasm", "missing.wasm"] {
        assert!(!place.join(name).exists(), "{name}");
        assert!(stderr(&output).contains(&format!("`{name}` was not made")), "{}", stderr(&output));
    }
    assert_eq!(place.read("a.wasm"), place.read("reset.wasm"));
    assert!(place.read("kept.wasm").len() > place.read("a.wasm").len());
    // Refused ones only.
    place.write(
        "jobs.json",
        json!({ "module": "in.wasm", "options": ["--allow-wasi"],
        "jobs": [{ "output": "refused.wasm", "stdin": "empty" }] })
        .to_string(),
    );
    assert_eq!(code(&place.line("batch jobs.json")), 1);
}

/// Wherever in the list it stands, and whatever is wrong with it.
#[test]
fn a_job_with_wrong_options_fails_alone() {
    let place = place();
    place.write("input", "abcd");
    for (wrong, says) in [
        (json!({ "output": "wrong.wasm", "options": ["--no-such-option"] }), "--no-such-option"),
        (json!({ "output": "wrong.wasm", "options": ["--fuel", "some"] }), "invalid value"),
        (json!({ "output": "wrong.wasm", "options": ["--help"] }), "are not options of a job"),
        (json!({ "output": "wrong.wasm", "options": ["--verify"] }), "are not there for jobs"),
        (json!({ "output": "wrong.wasm", "options": ["--embed", "/e::input"] }), "is for all jobs"),
        (json!({ "output": "wrong.wasm", "options": ["--before-capture", "none"] }), "none"),
        (json!({ "output": "wrong.wasm", "stdin": "nothing" }), "cannot read `nothing`"),
        (json!({ "output": "nowhere/wrong.wasm", "stdin": "input" }), "cannot write"),
        (
            json!({ "output": "wrong.wasm", "options": ["-f", "loops", "--timeout", "1ms"] }),
            "time limit of 1ms",
        ),
    ] {
        for first in [true, false] {
            let mut jobs = vec![
                json!({ "output": "a.wasm", "stdin": "input" }),
                json!({ "output": "b.wasm", "stdin": "input", "options": ["--keep-init-func"] }),
            ];
            jobs.insert(if first { 0 } else { 2 }, wrong.clone());
            let list = json!({ "module": "in.wasm", "options": ["--allow-wasi"], "jobs": jobs });
            place.write("jobs.json", list.to_string());
            let output = place.line("batch jobs.json --report report.json --parallel 1");
            assert_ne!(code(&output), 0, "{wrong}");
            let reports = report(&place);
            let errors: Vec<&str> =
                reports.iter().map(|report| report["error"].as_str().unwrap_or("")).collect();
            for (job, error) in jobs.iter().zip(errors) {
                match *job == wrong {
                    true => assert!(error.contains(says), "{wrong}: {error}"),
                    false => assert!(error.is_empty(), "{wrong}: {error}"),
                }
            }
            for made in ["a.wasm", "b.wasm", "report.json"] {
                std::fs::remove_file(place.join(made)).unwrap();
            }
            assert!(!place.join("wrong.wasm").exists(), "{wrong}");
        }
    }
}

#[test]
fn what_is_no_batch_is_an_error_of_one_line() {
    let place = place();
    for (jobs, line, says) in [
        ("{", "", "is no list of jobs"),
        (r#"{"module": "in.wasm", "jobs": []}"#, "", "has no jobs"),
        (r#"{"module": "in.wasm", "jobs": [{"output": "a", "stdn": "b"}]}"#, "", "is no list of jobs"),
        (
            r#"{"module": "in.wasm", "jobs": [{"output": "a"}, {"output": "a"}]}"#,
            "",
            "two jobs have the output",
        ),
        (r#"{"module": "in.wasm", "jobs": [{"output": "-"}]}"#, "", "is a file"),
        (r#"{"module": "in.wasm", "jobs": [{"output": "a", "stdin": "in.wat"}]}"#, "", "--allow-wasi"),
        (r#"{"module": "in.wasm", "jobs": [{"output": "a"}]}"#, "-- --verify", "are not there for jobs"),
        (
            r#"{"module": "in.wasm", "jobs": [{"output": "a"}]}"#,
            "-- --allow-wasi --dir-rw .",
            "--dir-rw is not",
        ),
        (r#"{"module": "in.wasm", "jobs": [{"output": "a"}]}"#, "-- --help", "are not options of a job"),
        (r#"{"module": "in.wasm", "jobs": [{"output": "a"}]}"#, "-- -V", "are not options of a job"),
        (r#"{"module": "no.wasm", "jobs": [{"output": "a"}]}"#, "", "cannot read `no.wasm`"),
    ] {
        place.write("jobs.json", jobs);
        failed(&place.line(&format!("batch jobs.json {line}")), 2, says);
    }
    failed(&place.line("batch in.wasm --each nowhere --into made"), 2, "cannot read the folder `nowhere`");
}

/// Whoever reads the exit code is not told that a job was done which was not.
#[test]
fn a_job_that_asks_for_help_is_not_done() {
    let place = place();
    for option in ["--help", "-h", "--version", "-V"] {
        for batch in [
            json!({ "module": "in.wasm", "jobs": [{ "output": "a", "options": [option] }] }),
            json!({ "module": "in.wasm", "options": [option], "jobs": [{ "output": "a" }] }),
            json!({ "module": "in.wasm", "jobs": [{ "output": "b" }, { "output": "a", "options": [option] }] }),
        ] {
            place.write("jobs.json", batch.to_string());
            let output = place.line("batch jobs.json");
            failed(&output, 2, "--help and --version are not options of a job");
            assert!(output.stdout.is_empty() && !place.join("a").exists(), "{option}");
        }
    }
}

/// By whatever name they are typed. The first one stays.
#[test]
fn no_job_writes_what_another_one_has_written() {
    let place = place();
    place.write("input", "0001");
    let job =
        |output: &str, options: &[&str]| json!({ "output": output, "stdin": "input", "options": options });
    let jobs = [
        job("a.wasm", &[]),
        job("./a.wasm", &[]),
        job("b.wasm", &["--report", "a.wasm"]),
        job("c.wasm", &[]),
        job("d.wasm", &["--ledger", "report.json"]),
    ];
    let batch = json!({ "module": "in.wasm", "options": ["--allow-wasi"], "jobs": jobs });
    place.write("jobs.json", batch.to_string());
    let output = place.line("batch jobs.json --parallel 1 --report report.json");
    failed(&output, 2, "another job writes ./a.wasm too");
    assert!(place.read("a.wasm").starts_with(b"\0asm") && place.join("c.wasm").exists());
    let made: Vec<bool> = report(&place).iter().map(|report| report["error"].is_null()).collect();
    assert_eq!(made, [true, false, false, true, false]);
    assert!(
        report(&place)[4]["error"]
            .as_str()
            .unwrap()
            .contains("the report of all jobs goes to report.json too")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_unicode_is_reported() {
    use std::os::unix::ffi::OsStrExt;
    let place = place();
    std::fs::create_dir(place.join("inputs")).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"a\xff");
    std::fs::write(place.join("inputs").join(name), "0001").unwrap();
    done(&place.line("batch in.wasm --each inputs --into made --report report.json -- --allow-wasi"));
    assert_eq!(report(&place)[0]["output"], "made/a\u{fffd}.wasm");
}

/// A pipe that nobody writes into would be waited for, and all jobs would end with that one.
#[cfg(unix)]
#[test]
fn jobs_read_files_only() {
    let place = place();
    place.write("input", "abcd");
    assert!(std::process::Command::new("mkfifo").arg(place.join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("pipe", place.join("link")).unwrap();
    let jobs = json!({ "module": "in.wasm", "options": ["--allow-wasi"], "jobs": [
        { "output": "a.wasm", "stdin": "input" },
        { "output": "pipe.wasm", "stdin": "pipe" },
        { "output": "link.wasm", "options": ["--stdin", "link"] },
        { "output": "preload.wasm", "stdin": "input", "options": ["--preload", "p=pipe"] },
        { "output": "nothing.wasm", "stdin": "/dev/null" },
        { "output": "b.wasm", "stdin": "input" },
    ] });
    place.write("jobs.json", jobs.to_string());
    let began = std::time::Instant::now();
    let output = place.line("batch jobs.json --report report.json --parallel 2");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(began.elapsed().as_secs() < 30);
    // Of the fifth, init traps without its four bytes.
    for (job, words) in report(&place).iter().zip(["", "pipe", "link", "pipe", "unreachable", ""]) {
        let expected = match words {
            "" | "unreachable" => words.to_string(),
            name => format!("jobs read files only, and `{name}` is none"),
        };
        let error = job["error"].as_str();
        assert_eq!(error.is_some(), !expected.is_empty(), "{job}");
        assert!(error.is_none_or(|error| error.contains(&expected)), "{job}");
    }
    assert!(place.join("b.wasm").exists());
}

/// What takes nothing holds the jobs that write to it, and no others.
#[cfg(unix)]
#[test]
fn jobs_write_files_only() {
    let place = place();
    assert!(std::process::Command::new("mkfifo").arg(place.join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("pipe", place.join("link")).unwrap();
    place.write("there.wasm", "before");
    let names = ["pipe", "link", "there.wasm", "new.wasm", "/dev/null"];
    let mut jobs: Vec<_> =
        names.iter().map(|name| json!({ "output": name, "options": ["--stdin", "input"] })).collect();
    for option in ["--report", "--ledger", "--capture-stdout", "--capture-stderr"] {
        let output = format!("{}.wasm", option.trim_start_matches('-'));
        jobs.push(json!({ "output": output, "options": ["--stdin", "input", option, "pipe"] }));
    }
    jobs.push(json!({ "output": "last.wasm", "options": ["--stdin", "input", "--report", "/dev/stderr"] }));
    place.write("input", "abcd");
    let jobs = json!({ "module": "in.wasm", "options": ["--allow-wasi", "--timeout", "20s"], "jobs": jobs });
    place.write("jobs.json", jobs.to_string());
    let began = std::time::Instant::now();
    let output = place.line("batch jobs.json --report report.json --parallel 2");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(began.elapsed().as_secs() < 20);
    let refused = ["pipe", "link", "", "", "", "pipe", "pipe", "pipe", "pipe", ""];
    let report = report(&place);
    assert_eq!(report.len(), refused.len());
    for (job, name) in report.iter().zip(refused) {
        let expected = format!("jobs write files only, and `{name}` is none");
        match job["error"].as_str() {
            None => assert_eq!(name, "", "{job}"),
            Some(error) => assert!(!name.is_empty() && error.contains(&expected), "{job}"),
        }
    }
    assert!(
        ["there.wasm", "new.wasm", "last.wasm"].iter().all(|name| place.read(name).starts_with(b"\0asm"))
    );
}

/// Whoever made the files of the folder may not have an output made of what only the user may read.
#[cfg(unix)]
#[test]
fn links_of_the_folder_stay_in_it() {
    let place = place();
    let line = "batch in.wasm --each inputs --into made -- --allow-wasi";
    for folder in ["inputs", "elsewhere"] {
        std::fs::create_dir(place.join(folder)).unwrap();
    }
    place.write("inputs/a", "0001");
    place.write("secret", "0002");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, place.join("inputs").join(name)).unwrap();
    };
    link("a", "b");
    link("../inputs/a", "c");
    done(&place.line(line));
    assert!(["a", "b", "c"].iter().all(|name| place.join("made").join(format!("{name}.wasm")).exists()));
    link("../elsewhere", "folder");
    done(&place.line(line));
    std::fs::remove_dir_all(place.join("made")).unwrap();
    for target in ["../secret".to_string(), place.join("secret").display().to_string()] {
        link(&target, "d");
        failed(&place.line(line), 2, "`inputs/d` is a link to a file outside of the folder");
        assert!(!place.join("made").exists());
        std::fs::remove_file(place.join("inputs/d")).unwrap();
    }
    // The folder itself may be one.
    std::os::unix::fs::symlink("inputs", place.join("linked")).unwrap();
    done(&place.line("batch in.wasm --each linked --into made -- --allow-wasi"));
}
