//! What is kept between runs, and where.

use std::path::{Path, PathBuf};

use anyhow::Context;
use directories_next::ProjectDirs;
use preinit::stages::PrintablePath;
use preinit::stages::cache::{CacheError, CacheSection, CompileCache, OwnedDirectory};

use super::args::{CacheArgs, usage_error};

/// The caches of a run.
#[derive(Default)]
pub struct Caches {
    /// Compiled code.
    pub compiled: Option<CompileCache>,
    /// Snapshots.
    pub results: Option<CacheSection>,
    /// Why the platform's cache directory is not used, if it should have been.
    pub obstacle: Option<CacheError>,
}

impl Caches {
    /// Opens what the arguments ask for. A directory that was named must be one that can be used; without that of the
    /// platform, everything is compiled and run.
    pub fn open<'d>(args: &CacheArgs, writable: impl Iterator<Item = &'d Path>) -> anyhow::Result<Caches> {
        if args.no_cache && !args.result_cache {
            return Ok(Caches::default());
        }
        let platform = || ProjectDirs::from("", "", "preinit").map(|dirs| dirs.cache_dir().to_owned());
        let Some(directory) = args.cache_dir.clone().or_else(platform) else {
            return match args.result_cache {
                true => Err(usage_error(
                    "--result-cache needs a directory, and there is none by default here: give --cache-dir",
                )),
                false => Ok(Caches::default()),
            };
        };
        match Caches::open_in(&directory, args, writable) {
            Ok(caches) => Ok(caches),
            Err(error) if args.cache_dir.is_none() => {
                Ok(Caches { obstacle: Some(error), ..Caches::default() })
            }
            Err(error) => {
                Err(error).with_context(|| format!("cannot use `{}` as a cache", PrintablePath(&directory)))
            }
        }
    }

    /// The cache of compiled code alone, for commands that have no other.
    pub fn of_code(
        no_cache: bool,
        cache_dir: Option<PathBuf>,
        writable: &[PathBuf],
    ) -> anyhow::Result<Option<CompileCache>> {
        let args = CacheArgs { no_cache, cache_dir, prepared: None, result_cache: false };
        Ok(Caches::open(&args, writable.iter().map(PathBuf::as_path))?.compiled)
    }

    fn open_in<'d>(
        directory: &PathBuf,
        args: &CacheArgs,
        writable: impl Iterator<Item = &'d Path>,
    ) -> Result<Caches, CacheError> {
        let writable: Vec<&Path> = writable.collect();
        let owned = OwnedDirectory::open_out_of_reach_of(directory, &writable)?;
        owned.check_out_of_reach_of(writable.into_iter())?;
        let mut caches = Caches::default();
        if !args.no_cache {
            let compiled = CompileCache::new(directory);
            compiled.check()?;
            caches.compiled = Some(compiled);
        }
        if args.result_cache {
            caches.results = Some(owned.section("results")?);
        }
        Ok(caches)
    }
}
