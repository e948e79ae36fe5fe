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
