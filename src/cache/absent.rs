//! Stands for the cache in a build without the feature `cache`: a type without values, so that `Option` of it is `None`.

use std::path::Path;
use std::time::Duration;
use wasmtime::Config;

/// There is none in this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileCache {}

impl CompileCache {
    pub(crate) fn is_in_reach_of<'d>(&self, _: impl Iterator<Item = &'d Path>) -> bool {
        match *self {}
    }

    pub(crate) fn entry(&self, _settings: &str, _digest: &[u8; 32]) -> Option<CompiledEntry> {
        match *self {}
    }

    pub(crate) fn kept(&self, _settings: &str, _digest: &[u8; 32]) -> Option<CompiledEntry> {
        match *self {}
    }

    pub(crate) fn is_free(&self, _settings: &str, _digest: &[u8; 32]) -> bool {
        match *self {}
    }

    pub(crate) fn note_run(&self, _digest: &[u8; 32], _init: Duration) -> InitRuns {
        match *self {}
    }

    pub(crate) fn keep(&self, _entry: &CompiledEntry) {
        match *self {}
    }
}

/// There is none in this build.
#[derive(Debug, Clone, PartialEq)]
pub enum PreparedCode {}

impl PreparedCode {
    pub(crate) fn cache(&self) -> &CompileCache {
        match *self {}
    }
}

/// There is none in this build.
pub(crate) enum CompiledEntry {}

impl CompiledEntry {
    pub fn configure(&self, _config: &mut Config) {
        match *self {}
    }

    pub fn is_hit(&self) -> bool {
        match *self {}
    }
}

/// What is remembered of runs: nothing.
pub(crate) struct InitRuns {
    pub count: u32,
    pub shortest: Duration,
}
