mod determinism;
mod generated;
mod hostile;
mod idempotence;
mod layout;
mod operations;
mod replay;
mod segments;
