//! The `preinit` command.
fn main() {}
