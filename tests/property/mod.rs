mod determinism;
mod generated;
mod idempotence;
mod operations;
mod replay;
mod segments;
