//! What a module makes the host keep in memory is bounded, by --max-memory or by what is read of it at all.

use crate::{Place, code, done, failed, stderr};
use std::fs;
use std::io::Read;
use std::process::{Output, Stdio};
use std::thread::JoinHandle;
use wasm_encoder::{CustomSection, Encode, Section};

pub(super) const MIB: u64 = 1 << 20;

/// What the process takes for itself, in bytes, and what of the limits it may overrun.
pub(super) const OWN: u64 = 120 * MIB;

/// Runs the command, and measures the most memory that it has had.
pub(super) fn measured(place: &Place, line: &str) -> (Output, u64) {
    let mut command = place.command(line.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Long texts wait for a reader.
    let (answers, messages) = (read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap()));
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = fs::read_to_string(&status).ok().and_then(|text| high_water(&text)).unwrap_or(most);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let (stdout, stderr) = (answers.join().unwrap(), messages.join().unwrap());
    (Output { status: child.wait().unwrap(), stdout, stderr }, most)
}

fn read(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

/// Runs what must be refused for its memory.
fn refused(place: &Place, line: &str, words: &str) {
    let (output, most) = measured(place, line);
    assert_eq!(code(&output), 1, "{line}: {}", stderr(&output));
    let message = stderr(&output);
    assert!(message.contains(words), "{line}: {message}");
    assert!(most < OWN, "{line}: {} MiB", most / MIB);
}

/// Makes continuations as `make` says, `count` of them; `deep` fills the stack of one. The engine keeps their stacks.
fn continuations(make: &str, count: u32) -> String {
    format!(
        r#"(module (type $f (func)) (type $c (cont $f)) (tag $t)
        (func $deep (param i32) (if (i32.eqz (local.get 0))
            (then (suspend $t)) (else (call $deep (i32.sub (local.get 0) (i32.const 1))))))
        (func $body (call $deep (i32.const 20000))) (func $short) (elem declare func $body $short)
        (func $suspended (result (ref null $c))
            (block $h (result (ref $c))
                (resume $c (on $t $h) (cont.new $c (ref.func $body))) (return (ref.null $c))))
        (func $ended (result (ref null $c)) (resume $c (cont.new $c (ref.func $short))) (ref.null $c))
        (func $fresh (result (ref null $c)) (cont.new $c (ref.func $body)))
        (func $work (export "work") (local $i i32)
            (loop $l
                (drop (call {make}))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $l (i32.lt_u (local.get $i) (i32.const {count})))))
        (func (export "preinit") (call $work)))"#
    )
}

#[cfg(target_arch = "x86_64")]
#[test]
fn stacks_of_continuations_count() {
    let place = Place::new();
    for make in ["$suspended", "$ended", "$fresh"] {
        place.write("in.wat", continuations(make, 60));
        refused(&place, "in.wat -o out.wasm --max-memory 16MiB", "the limit is 16777216");
        // In the function that is listened to as well.
        refused(&place, "in.wat -o out.wasm --max-memory 16MiB --at export:work#2", "the limit is 16777216");
        let started =
            continuations(make, 60).replace(r#"(func (export "preinit") (call $work))"#, "(start $work)");
        place.write("start.wat", started);
        refused(&place, "start.wat -o out.wasm --max-memory 16MiB -f work", "the limit is 16777216");
        for line in ["audit in.wat", "verify in.wat in.wat"] {
            let (output, most) = measured(&place, &format!("{line} --max-memory 16MiB"));
            assert_ne!(code(&output), 0, "{line}: {}", stderr(&output));
            assert!(most < OWN + 64 * MIB, "{line}: {} MiB", most / MIB);
        }
        place.write("few.wat", continuations(make, 10));
        let (output, most) = measured(&place, "few.wat -o out.wasm --max-memory 100MiB");
        assert_eq!(code(&output), 0, "{make}: {}", stderr(&output));
        assert!(most < OWN + 100 * MIB, "{make}: {} MiB", most / MIB);
    }
}

/// Opens the directory again and again, and reads it each time.
const LISTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 4096) ".")
    (func (export "preinit") (local $i i32)
        (loop $l
            (drop (call $open (i32.const 3) (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 2)
                (i64.const 16384) (i64.const 0) (i32.const 0) (i32.const 0)))
            (drop (call $readdir (i32.load (i32.const 0)) (i32.const 256) (i32.const 24) (i64.const 0)
                (i32.const 16)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 500))))))"#;

#[test]
fn listings_of_directories_count() {
    let place = Place::new();
    place.write("lists.wat", LISTS);
    fs::create_dir(place.join("many")).unwrap();
    for k in 0..2000 {
        fs::write(place.join(&format!("many/{k:060}")), "").unwrap();
    }
    let line = "lists.wat -o out.wasm --allow-wasi --mapdir /m::many --max-memory";
    refused(&place, &format!("{line} 2MiB"), "the recording of init's host calls");
    // One directory alone that is too large.
    refused(&place, &format!("{line} 100KiB"), "");
}

/// Writes 64 KiB to standard output again and again, which is held back because the snapshot goes there.
const PRINTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\00\00\00\00\00\ff\00\00")
    (func (export "preinit") (local $i i32)
        (loop $l
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 5000))))))"#;

#[test]
fn held_back_output_and_the_recording_count() {
    let place = Place::new();
    place.write("prints.wat", PRINTS);
    refused(&place, "prints.wat --allow-wasi --max-memory 16MiB", "the recording of init's host calls");
    refused(
        &place,
        "prints.wat -o out.wasm --allow-wasi --max-memory 16MiB --capture-stdout printed",
        "the recording of init's host calls",
    );
}

/// Jobs that wait for ever are abandoned, and keep what they have. There are not many of them.
#[test]
fn abandoned_jobs_keep_a_bounded_amount() {
    let place = Place::new();
    place.write(
        "in.wat",
        r#"(module (memory 1024 1024 shared) (func (export "preinit")
            (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x4000000))
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0x7070707) (i64.const -1)))))"#,
    );
    let jobs: Vec<_> = (0..12).map(|k| serde_json::json!({ "output": format!("{k}.wasm") })).collect();
    let batch = serde_json::json!({ "module": "in.wat", "jobs": jobs });
    place.write("jobs.json", batch.to_string());
    let line = "batch jobs.json --parallel 2 --report report.json -- --timeout 300ms --no-cache";
    let (output, most) = measured(&place, line);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(most < OWN + 5 * 64 * MIB, "{} MiB", most / MIB);
    let reports: Vec<serde_json::Value> = serde_json::from_slice(&place.read("report.json")).unwrap();
    let with = |words: &str| {
        reports
            .iter()
            .filter(|report| report["error"].as_str().is_some_and(|why| why.contains(words)))
            .count()
    };
    assert_eq!((with("not done after the time limit"), with("not begun: too many jobs")), (4, 8));
}

/// A list of a fixed length has many values in a type of few bytes, which a stub would have to return.
#[test]
fn stubs_return_a_bounded_number_of_values() {
    let place = Place::new();
    let component = |ty: &str| {
        format!(
            r#"(component
            (type $named' (enum "{}"))
            (import "named" (type $named (eq $named')))
            (import "f" (func $f (result {ty})))
            (core module $memory (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
            (core instance $m (instantiate $memory))
            (core func $lowered (canon lower (func $f) (memory $m "memory") (realloc (func $m "realloc"))))
            (core module $init (import "" "f" (func $f (param i32))) (func (export "init") (call $f (i32.const 0))))
            (core instance $i (instantiate $init (with "" (instance (export "f" (func $lowered))))))
            (func (export "init") (canon lift (core func $i "init"))))"#,
            "n".repeat(90_000)
        )
    };
    let line = "in.wat -o out.wasm -f init --stub-all --max-memory 16MiB --timeout 10s";
    for ty in ["(list u8 50000000)", "(list $named 30000)", "(tuple u8 (list (list (list u8 500) 500) 500))"]
    {
        place.write("in.wat", component(ty));
        refused(&place, line, "very many values");
    }
    place.write("in.wat", component("(list (tuple u8 u8) 100)"));
    done(&place.line(line));
}

/// A number as the module's format, and DWARF, has it.
fn leb(value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// A module with debugging information of one unit, whose children are `entries`.
///
/// Abbreviations: 2 is a name space, 3 a variable with a text as its name, 4 one with an offset in `.debug_str`, 5 one
/// with a type, 6 an array type, 7 a range of it.
fn with_dwarf(entries: &[u8], strings: &[u8]) -> Vec<u8> {
    const ABBREVIATIONS: &[u8] = b"\x01\x11\x01\x00\x00\
        \x02\x39\x01\x03\x08\x00\x00\
        \x03\x34\x00\x03\x08\x02\x18\x00\x00\
        \x04\x34\x00\x03\x0e\x02\x18\x00\x00\
        \x05\x34\x00\x03\x08\x02\x18\x49\x13\x00\x00\
        \x06\x01\x01\x00\x00\
        \x07\x21\x00\x37\x0b\x00\x00\x00";
    let unit = [b"\x04\x00\x00\x00\x00\x00\x04\x01", entries, b"\x00"].concat();
    let info = [&(unit.len() as u32).to_le_bytes()[..], &unit].concat();
    let module = wat::parse_str(
        "(module (memory 2) (func (export \"preinit\") (i32.store (i32.const 2048) (i32.const 5))))",
    );
    let mut wasm = module.unwrap();
    for (name, data) in [(".debug_abbrev", ABBREVIATIONS), (".debug_info", &info), (".debug_str", strings)] {
        CustomSection { name: name.into(), data: data.into() }.append_to(&mut wasm);
    }
    wasm
}

/// A location: at this address.
fn at(address: u32) -> Vec<u8> {
    [&[5, 3][..], &address.to_le_bytes()].concat()
}

#[test]
fn names_of_debugging_information_are_bounded() {
    let place = Place::new();
    let variable = |k: u32| [&b"\x03v\0"[..], &at(1024 + k)].concat();
    let variables = |count: u32| (0..count).flat_map(variable).collect::<Vec<u8>>();
    let space = [&b"\x02"[..], &[b'n'; 200], b"\0"].concat();
    // Deep in name spaces.
    let nested = [&space.repeat(3000), &variables(20_000)[..], &[0; 3000]].concat();
    // All share one long name.
    let long = [&[b'n'; 100_000][..], b"\0"].concat();
    let shared: Vec<u8> =
        (0..20_000u32).flat_map(|k| [&b"\x04\0\0\0\0"[..], &at(1024 + k)].concat()).collect();
    // One in very many pieces.
    let pieces: Vec<u8> =
        (0..50_000u32).flat_map(|k| [&[3][..], &(1024 + k).to_le_bytes(), &[0x93, 1]].concat()).collect();
    let name = [b'n'; 2000];
    let pieces = [&b"\x03"[..], &name, b"\0", &leb(pieces.len()), &pieces].concat();
    // An array with more dimensions than anybody counts, as the type of each. The unit's entries begin at 12.
    let array = [&b"\x06"[..], &b"\x07\x01".repeat(40_000), b"\0"].concat();
    let typed = (0..20_000u32).flat_map(|k| [&b"\x05v\0"[..], &at(1024 + k), &12u32.to_le_bytes()].concat());
    let typed = [array, typed.collect()].concat();
    for (what, entries, strings) in [
        ("nested", nested, &[][..]),
        ("shared", shared, &long),
        ("pieces", pieces, &[]),
        ("dimensions", typed, &[]),
    ] {
        place.write("dwarf.wasm", with_dwarf(&entries, strings));
        let (output, most) = measured(&place, "audit dwarf.wasm --timeout 2m");
        assert_eq!(code(&output), 0, "{what}: {}", stderr(&output));
        assert!(most < OWN, "{what}: {} MiB", most / MIB);
    }
}

/// What a file is that is given may be something that never ends.
#[test]
fn files_that_never_end_are_refused() {
    let place = Place::new();
    done(&place.line("probe in.wasm -o probed.wasm --state-schema schema.json"));
    place.write("state.json", "{}");
    for line in [
        "/dev/zero -o out.wasm",
        "in.wasm -o out.wasm -f init --preload e=/dev/zero",
        "audit /dev/zero",
        "verify /dev/zero in.wasm",
        "verify in.wasm /dev/zero -f init",
        "verify in.wasm in.wasm -f init --script /dev/zero",
        "verify in.wasm in.wasm -f init --run-stdin /dev/zero",
        "probe /dev/zero -o out.wasm --state-schema out.json",
        "encode /dev/zero --state state.json -o out.wasm",
        "encode in.wasm --state /dev/zero -o out.wasm",
    ] {
        let (output, most) = measured(&place, &format!("{line} --max-memory 1MiB"));
        failed(&output, 2, "it has more than");
        assert!(most < OWN + 300 * MIB, "{line}: {} MiB", most / MIB);
    }
    // The size of one that has an end is known before it is read.
    fs::File::create(place.join("large")).unwrap().set_len(1 << 40).unwrap();
    let (output, most) = measured(&place, "in.wasm -o out.wasm -f init --preload e=large");
    failed(&output, 2, "it has more than 4.0 GiB; --max-memory allows more");
    assert!(most < OWN, "{} MiB", most / MIB);
    // Nothing is named that these do not have.
    for line in ["inspect large", "list large", "extract large new", "prepare large -o code", "batch large"] {
        let output = place.line(line);
        failed(&output, 2, ", and no more is read");
        assert!(!stderr(&output).contains("--max-memory"), "{line}");
    }
}

#[test]
fn a_state_takes_memory_in_proportion_to_its_size() {
    let place = Place::new();
    done(&place.line("probe in.wasm -o probed.wasm --state-schema schema.json"));
    let schema: serde_json::Value = serde_json::from_slice(&place.read("schema.json")).unwrap();
    const SIZE: usize = 30 << 20;
    let head = format!(
        r#""version":1,"module":{},"functions":[],"dropped_data":[],"dropped_elements":[]"#,
        schema["module"]
    );
    let filled = |item: &str| format!("{}{item}", format!("{item},").repeat(SIZE / (item.len() + 1)));
    for (what, items) in [
        (
            "nulls",
            format!(r#"{{{head},"globals":[],"memories":[],"tables":[[{}]],"items":[]}}"#, filled("null")),
        ),
        ("items", format!(r#"{{{head},"globals":[],"memories":[],"tables":[],"items":[{}]}}"#, filled("[]"))),
        (
            "tables",
            format!(r#"{{{head},"globals":[],"memories":[],"tables":[{}],"items":[]}}"#, filled("[]")),
        ),
        (
            "globals",
            format!(
                r#"{{{head},"globals":[{}],"memories":[],"tables":[],"items":[]}}"#,
                filled(r#"{"i32":1}"#)
            ),
        ),
        (
            "memories",
            format!(
                r#"{{{head},"globals":[],"memories":[{}],"tables":[],"items":[]}}"#,
                filled(r#"{"file":"a"}"#)
            ),
        ),
        (
            "text",
            format!(
                r#"{{{head},"globals":[],"memories":[],"tables":[],"items":[],"other":"{}"}}"#,
                filled("x")
            ),
        ),
    ] {
        place.write("state.json", items);
        let (output, most) =
            measured(&place, "encode in.wasm --state state.json -o out.wasm --max-memory 1MiB");
        failed(&output, 2, "");
        assert!(!stderr(&output).contains("it has more than"), "{what}: {}", stderr(&output));
        assert!(most < OWN + 8 * SIZE as u64, "{what}: {} MiB: {}", most / MIB, stderr(&output));
    }
}
