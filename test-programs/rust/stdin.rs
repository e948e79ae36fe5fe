//! Reads lines of standard input: init one, an instance the next. Built with the oldest Rust that is still in use (Debian 12's
//! 1.63), whose buffer is not that of today's:
//!
//! ```sh
//! rustc --edition 2021 --crate-type cdylib -O -C strip=debuginfo -C panic=abort --target wasm32-wasi stdin.rs
//! ```

use std::io::BufRead;

/// Reads a line, and leaves what came with it in the buffer.
#[no_mangle]
pub extern "C" fn reads_a_line() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("standard input can be read");
}

/// The first byte of the next line; -1 at the end.
#[no_mangle]
pub extern "C" fn next_byte() -> i32 {
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(length) if length > 0 => i32::from(line.as_bytes()[0]),
        _ => -1,
    }
}
