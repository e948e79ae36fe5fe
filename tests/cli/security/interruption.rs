//! An interrupted run leaves no temporary files, a killed one none for long. The old output stays whole.

use crate::{Place, code, done};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

const INT: i32 = 2;
const KILL: i32 = 9;
const TERM: i32 = 15;
const HUP: i32 = 1;

/// Leaves as many bytes in memory as take a while to be written.
const LARGE: &str = r#"(module (memory (export "m") 1024) (func (export "preinit") (local $i i32)
    (loop $l (i32.store (local.get $i) (i32.mul (local.get $i) (i32.const 0x9E3779B1)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 0x4000000))))))"#;

fn place() -> Place {
    let place = Place::new();
    place.write("large.wat", LARGE);
    place.write("out.wasm", "old");
    place
}

/// A run of the command, which ends with the test.
struct Run(Child);

impl Run {
    /// Signals end it, even if whoever runs the tests ignores them.
    fn start(place: &Place, line: &str) -> Run {
        Run::with(place, line, &[])
    }

    /// The same with these variables.
    fn with(place: &Place, line: &str, variables: &[(&str, &str)]) -> Run {
        let command = place.command(line.split(' '));
        let mut env = Command::new("env");
        if cfg!(target_os = "linux") {
            env.arg("--default-signal=HUP,INT,TERM");
        }
        env.arg(command.get_program()).args(command.get_args()).current_dir(place.path());
        env.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        env.envs(variables.iter().copied());
        Run(env.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// How it ended, which must be soon.
    fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        while !self.is_over() {
            assert!(start.elapsed() < Duration::from_secs(60), "it goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.0.wait().unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn send(signal: i32, run: &Run) {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(run.0.id().to_string()).status();
    assert!(status.unwrap().success());
}

fn temporary(place: &Place) -> Vec<String> {
    place.files().into_iter().filter(|name| name.starts_with(".preinit-")).collect()
}

/// Waits until the output is being written: the temporary file is there and has content.
fn wait_for_writing(place: &Place, run: &mut Run) -> bool {
    let start = Instant::now();
    while !run.is_over() && start.elapsed() < Duration::from_secs(60) {
        let is_written = |name: &String| fs::metadata(place.join(name)).is_ok_and(|file| file.len() > 0);
        if temporary(place).iter().any(is_written) {
            return true;
        }
    }
    false
}

#[test]
fn a_signal_while_writing_leaves_nothing() {
    for signal in [INT, TERM, HUP] {
        let place = place();
        let mut caught = 0;
        for _ in 0..4 {
            place.write("out.wasm", "old");
            let mut run = Run::start(&place, "large.wat -o out.wasm -q --no-cache");
            if !wait_for_writing(&place, &mut run) {
                run.end();
                continue;
            }
            send(signal, &run);
            let status = run.end();
            assert_eq!(temporary(&place), Vec::<String>::new(), "signal {signal}");
            let output = place.read("out.wasm");
            assert!(output == b"old" || output.len() > 0x400_0000, "{} bytes", output.len());
            // As a process ends that does nothing about the signal: a shell looks at this.
            caught += usize::from(status.signal() == Some(signal));
        }
        assert!(caught > 0, "no run was interrupted by {signal}");
    }
}

#[test]
fn a_signal_while_running_ends_the_process() {
    for signal in [INT, TERM, HUP] {
        let place = place();
        let mut run = Run::start(&place, "in.wasm -f spin --timeout none -o out.wasm -q --no-cache");
        std::thread::sleep(Duration::from_millis(300));
        send(signal, &run);
        assert_eq!(run.end().signal(), Some(signal));
        assert_eq!(place.read("out.wasm"), b"old");
        assert_eq!(temporary(&place), Vec::<String>::new());
    }
}

/// As under `nohup`, and for what a shell runs in the background.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_signal_stays_ignored() {
    for (name, signal) in [("HUP", HUP), ("INT", INT), ("TERM", TERM)] {
        let place = place();
        let binary = env!("CARGO_BIN_EXE_preinit");
        let script = format!("trap '' {name}; exec '{binary}' large.wat -o out.wasm -q --no-cache");
        let mut shell = Command::new("sh");
        let mut run = Run(shell.arg("-c").arg(script).current_dir(place.path()).spawn().unwrap());
        std::thread::sleep(Duration::from_millis(300));
        if !run.is_over() {
            send(signal, &run);
        }
        assert!(run.end().success(), "{name}");
        assert!(place.read("out.wasm").len() > 0x400_0000);
    }
}

#[test]
fn what_a_killed_run_leaves_is_removed_by_the_next() {
    let place = place();
    for _ in 0..8 {
        let mut run = Run::start(&place, "large.wat -o out.wasm -q --no-cache");
        if wait_for_writing(&place, &mut run) {
            send(KILL, &run);
        }
        run.end();
        if !temporary(&place).is_empty() {
            break;
        }
    }
    assert_eq!(temporary(&place).len(), 1, "no run was killed in time");
    assert!(place.read("out.wasm") == b"old" || place.read("out.wasm").starts_with(b"\0asm"));
    // Another command, another output: the directory is what counts.
    done(&place.line("in.wasm -o other.wasm"));
    assert_eq!(temporary(&place), Vec::<String>::new());
}

/// Long calls in V8: Node and its directory are there until a signal or the time limit ends the command.
const CALLS_SPIN: &str = r#"(module (func (export "preinit")) (func (export "f") (loop $l (br $l))))"#;

/// Of the temporary directory.
fn directories(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.join("tmp")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with(".preinit-"));
    names
}

/// Whether a process of Node has something of this directory on its command line.
#[cfg(target_os = "linux")]
fn node_runs(directory: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|process| {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        words.contains(directory) && words.contains("driver.mjs")
    })
}

#[cfg(target_os = "linux")]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn node_and_its_directory_go_with_the_command() {
    let node = std::env::var_os("PREINIT_NODE").unwrap_or_else(|| "node".into());
    if Command::new(node).arg("--version").output().is_err() {
        eprintln!("without Node, only the other endings are tested");
        return;
    }
    let place = Place::new();
    place.write("calls.wat", CALLS_SPIN);
    fs::create_dir(place.join("tmp")).unwrap();
    let tmp = place.join("tmp").to_str().unwrap().to_owned();
    for ending in [Some(INT), Some(TERM), Some(HUP), Some(KILL), None] {
        let timeout = if ending.is_none() { "2s" } else { "none" };
        let line = format!(
            "verify calls.wat calls.wat --engine v8 --script calls.txt --call-fuel 1000000000000000 --timeout {timeout}"
        );
        place.write("calls.txt", "f()\n");
        let mut run = Run::with(&place, &line, &[("TMPDIR", &tmp)]);
        wait_until("Node is started", || node_runs(&tmp) || ending.is_none());
        std::thread::sleep(Duration::from_millis(500));
        if let Some(signal) = ending {
            send(signal, &run);
        }
        let status = run.end();
        assert_eq!(status.signal(), ending, "{status}");
        // One that is killed cannot end anybody; Node sees it.
        if ending == Some(KILL) {
            wait_until("Node ends by itself", || !node_runs(&tmp));
            assert_eq!(directories(&place).len(), 1);
            // And the next command that needs such a directory removes what it has left.
            let mut next = Run::with(&place, "prepare in.wasm -o code", &[("TMPDIR", &tmp)]);
            assert!(next.end().success());
        }
        assert!(!node_runs(&tmp), "{ending:?}");
        assert_eq!(directories(&place), Vec::<String>::new(), "{ending:?}");
    }
}

/// Prepared code is unpacked into a directory. So it is while a run goes on, and when it is abandoned.
#[test]
fn directories_go_with_the_command() {
    let place = place();
    fs::create_dir(place.join("tmp")).unwrap();
    let tmp = place.join("tmp").to_str().unwrap().to_owned();
    let tmp = [("TMPDIR", tmp.as_str())];
    assert!(Run::with(&place, "prepare in.wasm -o code", &tmp).end().success());
    assert_eq!(directories(&place), Vec::<String>::new());
    for signal in [INT, TERM, HUP] {
        let line = "in.wasm -f spin --prepared code --timeout none -o out.wasm -q";
        let mut run = Run::with(&place, line, &tmp);
        let start = Instant::now();
        while directories(&place).is_empty() && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let [directory] = directories(&place).try_into().unwrap();
        let mode = fs::metadata(place.join("tmp").join(directory)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        send(signal, &run);
        assert_eq!(run.end().signal(), Some(signal));
        assert_eq!(directories(&place), Vec::<String>::new(), "signal {signal}");
    }
    let mut run = Run::with(&place, "in.wasm -f spin --prepared code --timeout 300ms -o out.wasm -q", &tmp);
    assert_eq!(run.end().code(), Some(1));
    assert_eq!(directories(&place), Vec::<String>::new());
}

/// 120 of them: the old output or the new one, never a part.
#[test]
fn kills_at_any_moment_leave_an_output_whole() {
    let place = place();
    place.write("large.wat", LARGE.replace("1024", "64").replace("0x4000000", "0x400000"));
    let started = Instant::now();
    done(&place.line("large.wat -o new.wasm -q --no-cache"));
    let (time, new) = (started.elapsed(), place.read("new.wasm"));
    for k in 0..120_u32 {
        place.write("out.wasm", "old");
        let mut run = Run::start(&place, "large.wat -o out.wasm -q --no-cache");
        // Spread over the run, most where it writes.
        std::thread::sleep(time.mul_f64(f64::from(k % 40) / 36.0));
        send([KILL, INT, TERM][k as usize % 3], &run);
        run.end();
        let output = place.read("out.wasm");
        assert!(output == b"old" || output == new, "a part of {} bytes", output.len());
    }
    done(&place.line("large.wat -o out.wasm -q --no-cache"));
    assert_eq!(temporary(&place), Vec::<String>::new());
}

/// Names of ours, and whether the next run removes a file of that name.
#[test]
fn leftovers_are_recognized() {
    let place = Place::new();
    let _run = Run::start(&place, "in.wasm -f spin --timeout none -o out.wasm -q");
    let hour = Duration::from_secs(3600);
    let foreign = ".preinit-00000001-7-0123456789abcdef.tmp";
    for (name, age, is_removed) in [
        (foreign, hour * 25, true),
        (foreign, hour, false), // another machine may be at it
        (".preinit-notes.tmp", hour * 25, false),
        (".preinit-00000001-7-0123456789abcdef.tmp.bak", hour * 25, false),
        ("preinit.tmp", hour * 25, false),
    ] {
        place.write(name, "x");
        let file = fs::File::options().write(true).open(place.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        drop(file);
        done(&place.line("in.wasm -o out.wasm"));
        assert_eq!(!place.join(name).exists(), is_removed, "{name}, {age:?} old");
        let _ = fs::remove_file(place.join(name));
    }
    // A run that is alive holds its lock, however long it takes.
    place.write(foreign, "x");
    let file = fs::File::options().write(true).open(place.join(foreign)).unwrap();
    file.set_modified(SystemTime::now() - hour * 25).unwrap();
    file.lock().unwrap();
    done(&place.line("in.wasm -o out.wasm"));
    assert!(place.join(foreign).exists(), "it is in use");
    drop(file);
    // Neither links nor directories are ours.
    fs::remove_file(place.join(foreign)).unwrap();
    place.write("mine", "mine");
    std::os::unix::fs::symlink("mine", place.join(foreign)).unwrap();
    assert_eq!(code(&place.line("in.wasm -o out.wasm")), 0);
    assert!(place.read("mine") == b"mine" && fs::symlink_metadata(place.join(foreign)).is_ok());
}

/// A module with many files that takes a while to be extracted: all are the same one.
fn with_files() -> Place {
    let place = Place::new();
    let program = preinit_testing::repository().join("test-programs/c/wasi_files.wasm");
    fs::copy(program, place.join("files.wasm")).unwrap();
    fs::create_dir(place.join("files")).unwrap();
    let first = place.join("files/0");
    fs::write(&first, vec![b'x'; 4 << 20]).unwrap();
    for number in 1..64 {
        fs::hard_link(&first, place.join(&format!("files/{number}"))).unwrap();
    }
    done(&place.line("files.wasm -o out.wasm --allow-wasi --embed /files::files"));
    place
}

#[test]
fn what_is_extracted_is_there_as_a_whole_or_not() {
    let place = with_files();
    for (signal, exists) in [(TERM, false), (HUP, false), (INT, true), (KILL, false)] {
        let directory = place.join("back");
        if exists {
            fs::create_dir(&directory).unwrap();
        }
        let mut run = Run::start(&place, "extract out.wasm back");
        while temporary(&place).is_empty() && !run.is_over() {
            std::thread::sleep(Duration::from_millis(1));
        }
        send(signal, &run);
        assert!(!run.end().success(), "{signal}: it was over before");
        assert_eq!(directory.exists(), exists, "{signal}");
        if exists {
            // Nothing is in it.
            fs::remove_dir(&directory).unwrap();
        }
        assert!(signal == KILL || temporary(&place).is_empty(), "{signal}: {:?}", temporary(&place));
    }
    // The next one removes what was left. A directory that is there keeps its permissions.
    fs::create_dir(place.join("back")).unwrap();
    fs::set_permissions(place.join("back"), fs::Permissions::from_mode(0o710)).unwrap();
    done(&place.line("extract out.wasm back"));
    assert_eq!(fs::metadata(place.join("back")).unwrap().permissions().mode() & 0o777, 0o710);
    assert_eq!(fs::read_dir(place.join("back/files")).unwrap().count(), 64);
    let mode = fs::metadata(place.join("back/files")).unwrap().permissions().mode();
    assert_eq!(mode & 0o700, 0o700);
    fs::remove_dir_all(place.join("back")).unwrap();
    done(&place.line("extract out.wasm back"));
    assert_eq!(temporary(&place), [""; 0]);
    let made = fs::metadata(place.join("back")).unwrap().permissions().mode();
    fs::create_dir(place.join("made")).unwrap();
    // Nor does a link go that leads nowhere.
    std::os::unix::fs::symlink("nowhere", place.join("link")).unwrap();
    let output = place.line("extract out.wasm link");
    assert_eq!(code(&output), 2);
    let message = crate::stderr(&output);
    assert!(message.contains("`link` is a link to what is not there"), "{message}");
    assert!(
        fs::symlink_metadata(place.join("link")).unwrap().is_symlink() && !place.join("nowhere").exists()
    );
    // Where somebody is, nothing is exchanged.
    let mut command = Command::new(env!("CARGO_BIN_EXE_preinit"));
    command.args(["extract", "../out.wasm", "."]).current_dir(place.join("made"));
    done(&command.output().unwrap());
    assert_eq!(fs::read_dir(place.join("made")).unwrap().count(), 1);
    assert_eq!(made, fs::metadata(place.join("made")).unwrap().permissions().mode());
}
