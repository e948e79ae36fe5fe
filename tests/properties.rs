//! Properties: the planner against brute force, determinism, idempotence, generated modules, replay.

mod harness;
mod property;
