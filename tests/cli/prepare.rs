//! Code that was compiled before, in a file of its own.

use super::{Place, code, done, failed, stderr};

#[test]
fn prepared_code_runs_where_it_is_named_and_nowhere_else() {
    let place = Place::new();
    done(&place.line("in.wasm -o expected.wasm --no-cache"));
    done(&place.line("prepare in.wasm -o in.prepared"));
    let output = place.line("in.wasm -o out.wasm -v --prepared in.prepared --cache-dir cache");
    done(&output);
    assert!(
        stderr(&output).contains("cranelift, optimizing, from the cache (prepared)"),
        "{}",
        stderr(&output)
    );
    assert_eq!(place.read("out.wasm"), place.read("expected.wasm"));
    let output = place.line("in.wasm -o out.wasm -v --cache-dir cache");
    assert!(!stderr(&output).contains("from the cache"), "{}", stderr(&output));
    // The same module as text, and other init functions.
    done(&place.line("in.wat -o out.wasm --prepared in.prepared -f init --keep-init-func"));
    // The time limit holds in it.
    let output = place.line("in.wasm -o out.wasm --prepared in.prepared -f spin --timeout 300ms");
    failed(&output, 1, "the `spin` function did not finish");
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = Place::new();
    done(&place.line("prepare in.wasm -o in.prepared"));
    let whole = place.read("in.prepared");
    for at in [40, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        place.write("damaged", damaged);
        failed(&place.line("in.wasm -o out.wasm --prepared damaged"), 2, "cannot use `damaged`");
    }
    place.write("half", &whole[..whole.len() / 2]);
    failed(&place.line("in.wasm -o out.wasm --prepared half"), 2, "checksum");
    failed(&place.line("in.wasm -o out.wasm --prepared in.wat"), 2, "no prepared code");
    failed(&place.line("in.wasm -o out.wasm --prepared missing"), 2, "cannot read `missing`");
    place.write("other.wasm", wat::parse_str(r#"(module (func (export "preinit")))"#).unwrap());
    failed(&place.line("other.wasm -o out.wasm --prepared in.prepared"), 2, "another module");
    assert!(!place.join("out.wasm").exists());
    for options in ["--fuel 1000", "--no-opt", "--ledger l.json", "--at stdin", "--reset-libc"] {
        let output = place.line(&format!("in.wasm -o out.wasm --prepared in.prepared {options}"));
        assert_eq!(code(&output), 2, "{options}: {}", stderr(&output));
    }
    failed(&place.line("prepare in.wasm -o in.wasm"), 2, "would replace");
    failed(&place.line("prepare missing.wasm -o x"), 2, "cannot read `missing.wasm`");
}
