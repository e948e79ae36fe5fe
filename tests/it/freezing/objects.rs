//! Objects of the garbage-collected heap that the calls in progress hold.

use super::cases::{binary, frozen, goes_on, preinit};
use preinit::host::HostOptions;
use preinit::verify::{Outcome, VerifyOptions, verify};
use preinit::{Output, Preinit};

/// Checked like all others, and by `verify --at`.
#[track_caller]
fn holds(wat: &str, at: &str, made: usize) -> Output {
    let output = goes_on(wat, preinit(at), "_start", made);
    let options = VerifyOptions {
        at: Some(at.parse().unwrap()),
        host: HostOptions { stub_all: true, ..HostOptions::default() },
        ..VerifyOptions::default()
    };
    let verdict = verify(&binary(wat), &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Equal, "{verdict}");
    output
}

fn objects(output: &Output) -> u64 {
    output.report.heap.objects
}

#[test]
fn one_object_in_frames_globals_tables_and_fields() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $n (struct (field $v (mut i32)) (field $next (mut (ref null $n)))))
        (global $g (mut (ref null $n)) (ref.null $n))
        (table $t 2 (ref null $n))
        (global (export "seen") (mut i32) (i32.const 0))
        (func $inner (param $x (ref $n)) (param $y anyref) (local $own (ref $n))
            (local.set $own (struct.new $n (i32.const 3) (local.get $x)))
            (drop (call $a (i32.const 1)))
            ;; The same object wherever it is reached.
            (struct.set $n $v (local.get $x) (i32.add (i32.const 10) (struct.get $n $v (local.get $x))))
            (global.set 1 (i32.add (global.get 1) (ref.eq (local.get $x) (global.get $g))))
            (global.set 1 (i32.add (global.get 1) (ref.eq (local.get $x) (table.get $t (i32.const 1)))))
            (global.set 1 (i32.add (global.get 1)
                (ref.eq (local.get $x) (ref.cast (ref $n) (local.get $y)))))
            (global.set 1 (i32.add (global.get 1)
                (ref.eq (local.get $x) (struct.get $n $next (local.get $own)))))
            (drop (call $a (struct.get $n $v (global.get $g)))))
        (func (export "_start") (local $x (ref null $n)) (local $other (ref null $n))
            (local.set $x (struct.new $n (i32.const 7) (ref.null $n)))
            (local.set $other (struct.new $n (i32.const 7) (ref.null $n)))
            (global.set $g (local.get $x))
            (table.set $t (i32.const 1) (local.get $x))
            (local.get $x)
            (local.get $other)
            (call $inner (ref.as_non_null (local.get $x)) (local.get $x))
            (ref.eq)
            (drop (call $a))
            (drop (call $a (ref.eq (local.get $other) (global.get $g))))
            (drop (call $a (struct.get $n $v (local.get $other))))))"#;
    let output = holds(wat, "env.a", 0);
    assert_eq!(objects(&output), 3);
}

#[test]
fn cycles_through_frames() {
    // Each frame holds one of two objects that hold each other through fields that cannot be null.
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $base (sub (struct)))
        (rec
            (type $pair (sub final $base (struct (field $v i32) (field $other (mut (ref $base))) (field $f (ref null $fn)))))
            (type $fn (func (param (ref $pair)) (result i32))))
        (type $both (array (mut (ref null $pair))))
        (elem declare func $value)
        (func $value (type $fn) (i32.mul (struct.get $pair $v (local.get 0))
            (struct.get $pair $v (ref.cast (ref $pair) (struct.get $pair $other (local.get 0))))))
        (func $make (param $v i32) (result (ref $pair)) (local $x (ref $pair))
            (local.set $x (struct.new $pair (local.get $v) (struct.new $base) (ref.func $value)))
            (struct.set $pair $other (local.get $x) (local.get $x))
            (local.get $x))
        (func $deeper (param $x (ref $pair)) (result i32) (local $all (ref $both)) (local $y (ref $pair))
            (local $never (ref $both))
            (local.set $y (call $make (i32.const 9)))
            (struct.set $pair $other (local.get $x) (local.get $y))
            (struct.set $pair $other (local.get $y) (local.get $x))
            (local.set $all (array.new $both (local.get $x) (i32.const 3)))
            (array.set $both (local.get $all) (i32.const 1) (local.get $y))
            (i32.const 100)
            (drop (call $a (i32.const 2)))
            (local.set $never (local.get $all))
            (array.get $both (local.get $never) (i32.const 1))
            (ref.as_non_null)
            (struct.get $pair $f (local.get $y))
            (call_ref $fn)
            (i32.add)
            (i32.add (ref.eq (local.get $x) (struct.get $pair $other (local.get $y))))
            (i32.add (ref.eq (local.get $y) (struct.get $pair $other (local.get $x)))))
        (func (export "_start") (local $x (ref $pair))
            (local.set $x (call $make (i32.const 5)))
            (drop (call $a (call $deeper (local.get $x))))
            (drop (call $a (struct.get $pair $v
                (ref.cast (ref $pair) (struct.get $pair $other (local.get $x))))))))"#;
    let output = holds(wat, "env.a", 0);
    assert_eq!(objects(&output), 3);
}

#[test]
fn operands_of_every_kind_below_nested_constructs() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $s (struct (field $v (mut i32))))
        (type $bytes (array (mut i8)))
        (type $f (func (result i32)))
        (type $keep (func (param (ref $s) i31ref) (result i32)))
        (elem declare func $seven)
        (func $seven (type $f) (i32.const 7))
        (func $new (param i32) (result (ref $s)) (struct.new $s (local.get 0)))
        (func $sum (param $s (ref $s)) (param $b (ref $bytes)) (param $i i31ref) (param $f (ref $f))
                (param $x externref) (param $n i32) (result i32)
            (struct.get $s $v (local.get $s))
            (i32.add (array.get_u $bytes (local.get $b) (i32.const 2)))
            (i32.add (i31.get_s (local.get $i)))
            (i32.add (call_ref $f (local.get $f)))
            (i32.add (struct.get $s $v (ref.cast (ref $s) (any.convert_extern (local.get $x)))))
            (i32.add (local.get $n)))
        (func (export "_start") (local $k i32) (local $s (ref $s))
            (local.set $s (call $new (i32.const 40)))
            (local.get $s)
            (block (result (ref $bytes) i31ref (ref $f) externref i32)
                (array.new $bytes (i32.const 201) (i32.const 5))
                (ref.i31 (i32.const -3))
                (if (param (ref $bytes) i31ref) (result (ref $bytes) i31ref (ref $f) externref i32) (i32.const 1)
                    (then
                        (ref.func $seven)
                        (extern.convert_any (local.get $s))
                        (i32.const 2)
                        (loop $again (param i32) (result i32)
                            (local.get $s)
                            (call $a (i32.const 9))
                            (i32.and (i32.const 7))
                            (local.set $k)
                            (struct.get $s $v)
                            (i32.add)
                            (struct.set $s $v (local.get $s) (i32.add (i32.const 1) (struct.get $s $v (local.get $s))))
                            (br_if $again (i32.lt_u (struct.get $s $v (local.get $s)) (i32.const 44)))))
                    (else (unreachable))))
            (call $sum)
            (drop (call $a))))"#;
    for made in 0..4 {
        goes_on(wat, preinit(&format!("env.a#{}", made + 1)), "_start", made);
    }
}

#[test]
fn exceptions_in_frames_and_handlers() {
    // The exception carries an object that the frame above holds too, and is thrown again by the frame that caught it.
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $s (struct (field $v (mut i32)) (field $e (mut exnref))))
        (tag $e (param i32 (ref $s)))
        (func $handler (param $s (ref $s)) (local $kept exnref)
            (block $caught (result exnref)
                (try_table (catch_all_ref $caught) (throw $e (i32.const 5) (local.get $s)))
                (unreachable))
            (local.set $kept)
            (struct.set $s $e (local.get $s) (local.get $kept))
            (local.get $kept)
            ;; An exception below the call, one in a local, one in a field.
            (try_table (drop (call $a (i32.const 1))))
            (throw_ref))
        (func (export "_start") (local $s (ref $s)) (local $caught (ref null $s))
            (local.set $s (struct.new $s (i32.const 30) (ref.null exn)))
            (block $h (result i32 (ref $s))
                (try_table (catch $e $h) (call $handler (local.get $s)))
                (unreachable))
            (local.set $caught)
            (drop (call $a))
            (drop (call $a (ref.eq (local.get $caught) (local.get $s))))
            (block $again (result i32 (ref $s))
                (try_table (catch $e $again) (throw_ref (struct.get $s $e (local.get $s))))
                (unreachable))
            (struct.get $s $v)
            (i32.add)
            (drop (call $a))))"#;
    let output = holds(wat, "env.a", 0);
    assert_eq!(objects(&output), 2);
}

#[test]
fn functions_that_return_what_cannot_be_made_up() {
    // Only the debugging interface reads these: nothing can be returned early.
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $s (struct (field $v i32)))
        (func $new (param $below (ref $s)) (result (ref $s)) (local $garbage (ref null $s))
            (loop $again
                (local.set $garbage (struct.new $s (i32.const 1)))
                (drop (call $a (i32.const 3)))
                (struct.new $s (i32.add (struct.get $s $v (local.get $below)) (struct.get $s $v (local.get $garbage))))
                (return))
            (unreachable))
        (func (export "_start") (local $s (ref $s))
            (local.set $s (struct.new $s (i32.const 11)))
            (local.get $s)
            (call $new (local.get $s))
            (struct.get $s $v)
            (drop (call $a))
            (struct.get $s $v)
            (drop (call $a))))"#;
    holds(wat, "env.a", 0);
}

#[test]
fn a_long_list_that_only_a_frame_holds() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $n (struct (field $v i32) (field $next (mut (ref null $n))) (field $back (mut (ref null $n)))))
        (func $sum (param $n (ref null $n)) (result i32) (local $sum i32)
            (block $end
                (loop $again
                    (br_if $end (ref.is_null (local.get $n)))
                    (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (struct.get $n $v (local.get $n))))
                    (local.set $n (struct.get $n $next (local.get $n)))
                    (br $again)))
            (local.get $sum))
        (func (export "_start") (local $head (ref null $n)) (local $new (ref null $n)) (local $k i32)
            (loop $again
                (local.set $new (struct.new $n (local.get $k) (local.get $head) (ref.null $n)))
                (if (ref.is_null (local.get $head)) (then)
                    (else (struct.set $n $back (local.get $head) (local.get $new))))
                (local.set $head (local.get $new))
                (br_if $again (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 20000))))
            (drop (call $a (i32.const 1)))
            (drop (call $a (call $sum (local.get $head))))
            (local.set $head (ref.null $n))
            (local.set $new (ref.null $n))
            (drop (call $a (i32.const 2)))))"#;
    let output = holds(wat, "env.a", 0);
    assert_eq!(objects(&output), 20_000);
    // Frozen again when the program has let go of them, nothing holds them.
    let again = Preinit::new().stub_all(true).at("env.a#3".parse().unwrap()).run(&output.wasm).unwrap();
    assert_eq!(objects(&again), 0);
    let again = Preinit::new().stub_all(true).at("env.a#2".parse().unwrap()).run(&output.wasm).unwrap();
    assert_eq!(objects(&again), 20_000);
}

#[test]
fn objects_as_arguments_of_the_call() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $s (struct (field $v (mut i32))))
        (func $visit (export "visit") (param $x (ref $s)) (param $y (ref null $s)) (param $z externref) (param $i i31ref)
            (struct.set $s $v (local.get $x) (i32.add (i32.const 1) (struct.get $s $v (local.get $x))))
            (drop (call $a (struct.get $s $v (local.get $y))))
            (drop (call $a (i31.get_u (local.get $i))))
            (drop (call $a (struct.get $s $v (ref.cast (ref $s) (any.convert_extern (local.get $z)))))))
        (func (export "_start") (local $s (ref $s))
            (local.set $s (struct.new $s (i32.const 11)))
            (local.get $s)
            (call $visit (local.get $s) (local.get $s) (extern.convert_any (local.get $s)) (ref.i31 (i32.const 8)))
            (struct.get $s $v)
            (drop (call $a))))"#;
    for at in ["call:visit", "export:visit"] {
        let output = holds(wat, at, 0);
        assert_eq!(objects(&output), 1);
    }
}

#[test]
fn deep_recursion_with_an_object_in_each_frame() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $n (struct (field $v i32) (field $up (ref null $n))))
        (func $down (param $up (ref null $n)) (param $k i32) (result i32) (local $own (ref $n))
            (local.set $own (struct.new $n (local.get $k) (local.get $up)))
            (local.get $own)
            (if (result i32) (local.get $k)
                (then (call $down (local.get $own) (i32.sub (local.get $k) (i32.const 1))))
                (else (call $a (i32.const 1))))
            (drop)
            (drop (call $a (struct.get $n $v)))
            (if (result i32) (ref.is_null (local.get $up))
                (then (i32.const 0))
                (else (call $a (struct.get $n $v (local.get $up))))))
        (func (export "_start") (drop (call $a (call $down (ref.null $n) (i32.const 300))))))"#;
    let output = holds(wat, "env.a", 0);
    assert_eq!((objects(&output), output.report.frozen.unwrap().frames), (301, 302));
}

#[test]
fn string_constants_in_frames() {
    // What the host gave an immutable global is that again.
    let wat = r#"(module
        (import "'" "hello" (global $hello externref))
        (import "'" "bye" (global $bye externref))
        (import "env" "a" (func $a (param i32) (result i32)))
        (import "env" "see" (func $see (param externref)))
        (type $s (struct (field externref)))
        (func $in (param $x (ref extern)) (param $y anyref) (local $z (ref $s))
            (local.set $z (struct.new $s (global.get $hello)))
            (local.get $y)
            (drop (call $a (i32.const 1)))
            (call $see (extern.convert_any))
            (call $see (local.get $x))
            (call $see (struct.get $s 0 (local.get $z))))
        (func (export "_start")
            (call $in (ref.as_non_null (global.get $hello)) (any.convert_extern (global.get $bye)))
            (call $see (global.get $bye))))"#;
    let output = goes_on(wat, preinit("env.a").stub("env", "see"), "_start", 0);
    assert_eq!(objects(&output), 1);
    // And as arguments of the call itself.
    goes_on(wat, preinit("env.see#3").stub("env", "see"), "_start", 3);
}

#[test]
fn wrong_objects_are_found() {
    let wat = r#"(module
        (import "env" "a" (func $a (param i32) (result i32)))
        (type $s (struct (field $v (mut i32)) (field i64)))
        (func (export "_start") (local $x (ref $s)) (local $y (ref $s))
            (local.set $x (struct.new $s (i32.const 1000) (i64.const 0x1122334455667788)))
            (local.set $y (struct.new $s (i32.const 1001) (i64.const 0x1122334455667788)))
            (drop (call $a (i32.const 1)))
            (drop (call $a (struct.get $s $v (local.get $y))))))"#;
    let mut output = frozen(preinit("env.a"), &binary(wat)).unwrap();
    let at = output.wasm.windows(2).rposition(|bytes| bytes == 1001u16.to_le_bytes()).unwrap();
    output.wasm[at] ^= 1;
    let options = VerifyOptions {
        at: Some("env.a".parse().unwrap()),
        host: HostOptions { stub_all: true, ..HostOptions::default() },
        ..VerifyOptions::default()
    };
    let verdict = verify(&binary(wat), &output.wasm, &options).unwrap();
    assert_eq!(verdict.outcome, Outcome::Different, "{verdict}");
    assert!(verdict.differences[0].key.starts_with("resumed.host_call"), "{verdict}");
}
