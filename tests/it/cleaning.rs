//! What is put back after init: the state of libc, and the free part of the stack.

use preinit::audit::audit;
use preinit::host::{Access, Directory, HostOptions, Output, WasiOptions};
use preinit::{Options, Preinit};
use preinit_testing::guest::memory;
use preinit_testing::{repository, test_program as read};

#[test]
fn libc_is_reset() {
    let quiet = WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..WasiOptions::default() };
    let data = repository().join("test-programs/data");
    let directory = Directory { guest: "/data".into(), host: data, access: Access::ReadOnly };
    let with_data = WasiOptions { dirs: vec![directory], ..quiet.clone() };
    for wasi in [quiet, with_data] {
        let options = Options {
            init_functions: vec!["probes_directories".into()],
            host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
            reset_libc: true,
            ..Options::default()
        };
        let audit = audit(&read("sins/sins.wasm"), &options).unwrap();
        assert!(audit.is_clean(), "{}", audit.text(true));
        let output = Preinit::from(options).run(&read("sins/sins.wasm")).unwrap();
        assert_eq!(output.report.warnings, []);
    }
    // Without the hooks, it is said that there are none.
    let module = r#"(module (memory (export "memory") 1) (func (export "preinit")))"#;
    let output = Preinit::new().reset_libc(true).run(&wat::parse_str(module).unwrap()).unwrap();
    assert_eq!(output.report.warnings, [preinit::Warning::NoResetHooks]);
}

#[test]
fn the_free_stack_is_cleared() {
    let stack_first = |pointer: u32, data: u32| {
        let module = format!(
            r#"(module
                (memory (export "memory") 1)
                (global $__stack_pointer (mut i32) (i32.const {pointer}))
                (data (i32.const {data}) "kept")
                (func $work (local i32)
                    (local.set 0 (i32.sub (global.get 0) (i32.const 16)))
                    (global.set 0 (local.get 0))
                    (i32.store (local.get 0) (i32.const 0x55555555))
                    (global.set 0 (i32.add (local.get 0) (i32.const 16))))
                (func (export "preinit") (call $work))
                (func (export "unbalanced") (call $work) (global.set 0 (i32.const {})))
                (func (export "read") (param i32) (result i32) (i32.load (local.get 0))))"#,
            pointer - 16
        );
        wat::parse_str(module).unwrap()
    };
    let module = stack_first(1024, 1024);
    let dirty = memory(&Preinit::new().run(&module).unwrap().wasm);
    assert_eq!(&dirty[1008..1012], [0x55; 4]);
    let clean = memory(&Preinit::new().zero_stack(true).run(&module).unwrap().wasm);
    assert_eq!((&clean[..1024], &clean[1024..1028]), (&[0u8; 1024][..], &b"kept"[..]));

    // Without a name, it is known by what functions do with it.
    let nameless = wat::parse_str(
        r#"(module
            (memory (export "memory") 1)
            (global (mut i32) (i32.const 1024))
            (data (i32.const 1024) "kept")
            (func $work (param i32) (result i32) (local i32)
                (global.set 0 (local.tee 1 (i32.sub (global.get 0) (i32.const 32))))
                (i32.store (local.get 1) (local.get 0))
                (global.set 0 (i32.add (local.get 1) (i32.const 32)))
                (local.get 0))
            (func (export "preinit") (drop (call $work (i32.const 0x55555555)))))"#,
    );
    let nameless = nameless.unwrap();
    assert_eq!(memory(&Preinit::new().run(&nameless).unwrap().wasm)[992..996], [0x55; 4]);
    assert_eq!(memory(&Preinit::new().zero_stack(true).run(&nameless).unwrap().wasm)[992..996], [0; 4]);

    let refused = |module: &[u8], init: &str| {
        let error = Preinit::new().zero_stack(true).init_function(init).run(module).unwrap_err();
        assert!(error.is_refusal());
        error.to_string()
    };
    let error = refused(&stack_first(1024, 1000), "preinit");
    assert!(error.contains("there is static data at 0x3e8"), "{error}");
    let error = refused(&module, "unbalanced");
    assert!(
        error.contains("the stack pointer is at 0x3f0 and not back at its initial value 0x400"),
        "{error}"
    );
    let error = refused(&wat::parse_str(r#"(module (func (export "preinit")))"#).unwrap(), "preinit");
    assert!(error.contains("no stack pointer was recognized"), "{error}");
}

/// What a program keeps below its stack, at addresses that it knows, is not on the stack, however far that has gone.
#[test]
fn what_is_below_the_stack_is_not_cleared() {
    let program = |index: &str, kept: u32, depth: u32, pointer: &str| {
        wat::parse_str(format!(
            r#"(module
                (memory (export "memory") {memory} 1)
                (global {pointer} (mut {index}) ({index}.const 4096))
                (data ({index}.const 4096) "data")
                (func $work (param i32) (local {index})
                    (global.set 0 (local.tee 1 ({index}.sub (global.get 0) ({index}.const 256))))
                    (i32.store (local.get 1) (i32.const 0x55555555))
                    (if (local.get 0) (then (call $work (i32.sub (local.get 0) (i32.const 1)))))
                    (global.set 0 ({index}.add (local.get 1) ({index}.const 256))))
                ;; Without calls there is no need to move the pointer.
                (func $leaf (i32.store ({index}.sub (global.get 0) ({index}.const 128)) (i32.const 0x66666666)))
                (func (export "preinit")
                    (call $work (i32.const {depth})) (call $leaf)
                    (i32.store ({index}.const {kept}) (i32.const 77))))"#,
            memory = if index == "i64" { "i64 1" } else { "1" },
        ))
        .unwrap()
    };
    let zeroed = |module: &[u8]| Preinit::new().zero_stack(true).run(module);
    for index in ["i32", "i64"] {
        for pointer in ["", "$__stack_pointer"] {
            for (kept, depth, lowest) in [
                (4, 0, 3840),
                (160, 1, 3584),
                (3400, 1, 3584),
                (3452, 1, 3584),
                (1000, 5, 2560),
                (2428, 5, 2560),
            ] {
                let error = zeroed(&program(index, kept, depth, pointer)).unwrap_err();
                assert!(error.is_refusal());
                let error = error.to_string();
                let expected = format!(
                    "there is something at {kept:#x}, where the stack was never: it has not gone below {lowest:#x}"
                );
                assert!(error.contains(&expected), "{error}");
            }
            // Where the stack was, or what a function without calls may use of it.
            for (kept, depth) in [(3500, 1), (4000, 0), (3712, 0)] {
                let clean = memory(&zeroed(&program(index, kept, depth, pointer)).unwrap().wasm);
                assert_eq!((&clean[..4096], &clean[4096..4100]), (&[0u8; 4096][..], &b"data"[..]));
            }
        }
    }
}
