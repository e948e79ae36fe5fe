//! Properties: the planner against brute force, determinism, idempotence, generated modules, replay.

mod determinism;
mod generated;
mod heap;
mod hostile;
mod idempotence;
mod initializer_objects;
mod interposition;
mod islands;
mod layout;
mod replay;
mod rewritten;
mod segments;
mod strip;
