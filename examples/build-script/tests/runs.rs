//! Building this test builds the example, its build script included; then it is run.

use std::process::Command;

#[test]
fn the_embedded_snapshot_answers() {
    let output = Command::new(env!("CARGO_BIN_EXE_build-script-example")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.starts_with("9592 primes below 100000, "), "{stdout}");
}
