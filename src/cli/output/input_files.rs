//! Files that are read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Output;
use crate::cli::args::usage_error;

/// Files that are read, by one name each. No output may take their place.
#[derive(Debug, Default)]
pub struct InputFiles(BTreeSet<PathBuf>);

impl InputFiles {
    /// Those of these paths where there is something.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> InputFiles {
        InputFiles(paths.into_iter().filter_map(|path| path.canonicalize().ok()).collect())
    }

    /// Checks that an output is none of them.
    ///
    /// # Errors
    /// That it would be replaced.
    pub fn check(&self, output: &Output) -> anyhow::Result<()> {
        let place = output.place().and_then(|place| place.canonicalize().ok());
        match place.is_some_and(|place| self.0.contains(&place)) {
            true => Err(usage_error(&format!("{} is an input, and would be replaced", output.name()))),
            false => Ok(()),
        }
    }
}
