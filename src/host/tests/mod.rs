//! Runs small guests against the host.
