//! The same bytes from run to run and for any number of threads.

use preinit_testing::case::Case;
use preinit_testing::repository;

/// Large enough that every parallel part has several pieces: scanning, validation, planning.
fn large() -> Vec<u8> {
    let functions: String = (0..300).map(|k| format!("(func (result i32) (i32.const {k}))")).collect();
    let text = format!(
        r#"(module (memory 100) (table 300 funcref) {functions}
            (elem declare func 0 7 299)
            (func (export "init") (local $at i32) (local $x i32)
              (local.set $x (i32.const 1))
              (loop $l
                (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.const 12345)))
                (local.set $at (i32.add (local.get $at) (i32.shr_u (local.get $x) (i32.const 22))))
                (i32.store8 (local.get $at) (local.get $x))
                (br_if $l (i32.lt_u (local.get $at) (i32.const 6500000))))
              (table.set (i32.const 3) (ref.func 7))))"#
    );
    wat::parse_str(text).unwrap()
}

/// From inside pools of one and more threads, which also must not wait for themselves.
#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let wasm = large();
    let run = || preinit::Preinit::new().init_function("init").run(&wasm).unwrap();
    let expected = run();
    assert!(expected.report.data_segments > 1000, "{}", expected.report.data_segments);
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let outputs = pool.broadcast(|_| run().wasm);
        assert!(outputs.iter().all(|wasm| *wasm == expected.wasm), "with {threads} threads");
    }
}

#[test]
fn two_runs_give_the_same_bytes() {
    let folder = repository().join("tests/golden");
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wat") {
            let case = Case::read(&path);
            let wasm = preinit::wat_to_wasm(&case.text).unwrap();
            let run = || case.preinit().run(&wasm).unwrap();
            let (left, right) = (run(), run());
            assert!(left.wasm == right.wasm, "{}", case.name);
            assert_eq!(left.ledger, right.ledger, "{}", case.name);
            compared += 1;
        }
    }
    assert!(compared >= 60);
}
