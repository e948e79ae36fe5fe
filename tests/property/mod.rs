mod determinism;
mod generated;
mod idempotence;
mod layout;
mod operations;
mod replay;
mod segments;
