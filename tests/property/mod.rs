mod determinism;
mod generated;
mod idempotence;
mod replay;
mod segments;
