//! Tasks and threads of a component have call stacks, which are bounded like memories.

use super::memory::{MIB, OWN, measured};
use crate::{Place, code, stderr};

/// What all stacks of one run may have that the limit does not forbid.
const LEAST: u64 = 64 * MIB;

/// A component that begins `count` calls of another one, each of which recurses deeply and waits there for ever. The other one's
/// function is lifted as `lifted` says.
fn calls(count: u32, (export, lifted): (&str, &str)) -> String {
    format!(
        r#"(component
        (component $other
          (core module $m
            (import "" "wait" (func $wait (param i32 i32) (result i32)))
            (import "" "new" (func $new (result i32)))
            (import "" "return" (func $return))
            (func $deep (param i32) (if (i32.eqz (local.get 0))
              (then (drop (call $wait (call $new) (i32.const 0))))
              (else (call $deep (i32.sub (local.get 0) (i32.const 1))))))
            (func $begin (call $deep (i32.const 10000)))
            (func (export "wake") (param i32 i32 i32) (result i32) (i32.const 0))
            {export})
          (core module $memory (memory (export "m") 1))
          (core instance $memory (instantiate $memory))
          (core func $wait (canon waitable-set.wait (memory $memory "m")))
          (core func $new (canon waitable-set.new))
          (core func $return (canon task.return))
          (core instance $i (instantiate $m (with "" (instance (export "wait" (func $wait)) (export "new" (func $new))
            (export "return" (func $return))))))
          (func (export "f") async (canon lift (core func $i "f") async {lifted})))
        (component $app
          (import "f" (func $f async))
          (core func $f (canon lower (func $f) async))
          (core func $return (canon task.return))
          (core module $m
            (import "" "f" (func $f (result i32)))
            (import "" "return" (func $return))
            (func (export "init") (local $i i32)
              (loop $l
                (drop (call $f))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $l (i32.lt_u (local.get $i) (i32.const {count}))))
              (call $return)))
          (core instance $i (instantiate $m
            (with "" (instance (export "f" (func $f)) (export "return" (func $return))))))
          (func (export "init") async (canon lift (core func $i "init") async)))
        (instance $other (instantiate $other))
        (instance $app (instantiate $app (with "f" (func $other "f"))))
        (export "init" (func $app "init")))"#
    )
}

/// Without a callback, and with one: such a function can wait on its stack as well.
const LIFTED: [(&str, &str); 2] = [
    (r#"(func (export "f") (call $begin))"#, ""),
    (
        r#"(func (export "f") (result i32) (call $return) (call $begin) (i32.const 0))"#,
        r#"(callback (func $i "wake"))"#,
    ),
];

#[test]
fn stacks_of_tasks_count() {
    let place = Place::new();
    for (lifted, how) in LIFTED.into_iter().zip(["without a callback", "with one"]) {
        place.write("in.wat", calls(300, lifted));
        for (options, limit) in
            [("--max-memory 16MiB", 16), ("--max-memory 128MiB", 128), ("--untrusted", 512)]
        {
            let (output, most) =
                measured(&place, &format!("in.wat -o out.wasm -f init --no-cache {options}"));
            let text = stderr(&output);
            assert_eq!(code(&output), 1, "{how}, {options}: {text}");
            let is_refused = text.contains("its tasks, threads and streams could need more than")
                || options == "--untrusted" && text.contains("a proposal that is off by default");
            assert!(is_refused, "{how}, {options}: {text}");
            let allowed = OWN + LEAST.max(limit * MIB);
            assert!(most < allowed, "{how}, {options}: {} MiB", most / MIB);
        }
        let (output, most) = measured(&place, "verify in.wat in.wat -f init --max-memory 16MiB");
        assert_ne!(code(&output), 0, "{how}: {}", stderr(&output));
        assert!(most < OWN + 2 * LEAST, "{how}: {} MiB", most / MIB);
    }
    // Those that fit are begun, and are then what init has left unfinished.
    for lifted in LIFTED {
        place.write("few.wat", calls(20, lifted));
        let output = place.line("few.wat -o out.wasm -f init --max-memory 512MiB");
        let text = stderr(&output);
        assert_eq!(code(&output), 1, "{text}");
        assert!(text.contains("a task or a thread of it has not ended"), "{text}");
    }
}
