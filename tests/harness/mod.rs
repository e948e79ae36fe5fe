//! What the tests share: cases written as `.wat` files, two engines that know nothing of preinit, and what must hold of
//! every output.
#![allow(dead_code, reason = "each test crate uses its part")]

pub mod case;
pub mod cranelift;
pub mod features;
pub mod init;
pub mod interpreter;
pub mod invariants;
pub mod machine;
pub mod oracle;
