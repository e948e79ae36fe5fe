//! Nothing is used or removed that preinit has not made.

use super::{from_cache, from_results};
use crate::{Place, done, failed, stderr};
use preinit::stages::cache::{CacheError, CompileCache, EntryName, OwnedDirectory};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55";

/// Directories that are somebody's: what is in them.
const OTHERS: [&[(&str, &str)]; 8] = [
    &[("notes.txt", "mine")],
    &[(".hidden", "mine")],
    &[("compiled/mylib/libbig.a", "mine"), ("results/benchmark.csv", "mine")],
    &[("compiled/0000000000000000000000000000000000000000000000000000000000000000/engine/x", "mine")],
    &[("key", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")],
    &[("CACHEDIR.TAG", SIGNATURE), ("debug/app", "another program's cache")],
    &[("CACHEDIR.TAG", "# preinit cache, version 1\n"), ("a", "")],
    &[(".preinit-notes.tmp", "not a name that we give")],
];

fn fill(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::create_dir_all(directory.join(name).parent().unwrap()).unwrap();
        fs::write(directory.join(name), text).unwrap();
    }
}

fn assert_untouched(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        assert_eq!(fs::read_to_string(directory.join(name)).unwrap(), *text, "{name}");
    }
    let top: std::collections::BTreeSet<_> =
        files.iter().map(|(name, _)| name.split('/').next().unwrap().to_owned()).collect();
    let found =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.collect::<std::collections::BTreeSet<_>>(), top);
}

#[test]
fn a_named_directory_that_is_somebody_s_is_refused() {
    for files in OTHERS {
        let place = Place::new();
        fill(&place.join("mine"), files);
        for line in ["", "--result-cache", "--result-cache --no-cache"] {
            let output = place.line(&format!("in.wasm -o out.wasm --cache-dir mine {line}"));
            failed(&output, 2, "cannot use `mine` as a cache; give --cache-dir an empty directory");
            assert!(stderr(&output).contains("is not a cache of preinit"), "{}", stderr(&output));
            assert_untouched(&place.join("mine"), files);
            assert!(!place.join("out.wasm").exists());
        }
        // Nothing is asked of a directory that is not used.
        done(&place.line("in.wasm -o out.wasm --cache-dir mine --no-cache"));
    }
}

#[test]
fn the_platform_s_directory_is_left_alone_if_it_is_somebody_s() {
    for files in OTHERS {
        let place = Place::new();
        fill(&place.join("preinit"), files);
        let run = |line: &str| {
            let mut command = place.command(line.split_whitespace());
            let output = command.env("XDG_CACHE_HOME", place.path()).output().unwrap();
            done(&output);
            assert_untouched(&place.join("preinit"), files);
            stderr(&output)
        };
        let quiet = run("in.wasm -o out.wasm");
        assert!(!quiet.contains("cache"), "{quiet}");
        let verbose = run("in.wasm -o out.wasm -v");
        assert!(
            verbose.contains("cache not used: ") && verbose.contains("is not a cache of preinit"),
            "{verbose}"
        );
    }
}

#[test]
fn the_library_compiles_without_it() {
    for files in OTHERS {
        let place = Place::new();
        fill(&place.join("mine"), files);
        let cache = CompileCache::new(place.join("mine"));
        assert!(matches!(cache.check(), Err(CacheError::Foreign { .. })), "{files:?}");
        for _ in 0..2 {
            let preinit = preinit::Preinit::new().compile_cache(Some(cache.clone()));
            assert!(!preinit.run(&place.read("in.wasm")).unwrap().report.compile_cached);
        }
        assert_untouched(&place.join("mine"), files);
    }
}

#[test]
fn an_empty_or_missing_directory_becomes_a_cache() {
    let place = Place::new();
    fs::create_dir(place.join("empty")).unwrap();
    // A run that was killed as it began a cache leaves this.
    fill(&place.join("begun"), &[(".preinit-0badcafe-7-0123456789abcdef.tmp", "Sig")]);
    for cache in ["empty", "begun", "missing", "missing/deep/down"] {
        if cache == "missing/deep/down" {
            fs::remove_dir_all(place.join("missing")).unwrap();
        }
        assert!(!from_cache(&place, cache) && from_cache(&place, cache), "{cache}");
        assert!(!from_results(&place, cache, "") && from_results(&place, cache, ""), "{cache}");
        let tag = fs::read_to_string(place.join(cache).join("CACHEDIR.TAG")).unwrap();
        assert!(tag.starts_with(SIGNATURE), "{tag}");
    }
}

#[test]
fn what_is_no_directory_is_refused() {
    let place = Place::new();
    place.write("file", "mine");
    for (cache, reason) in [("file", "is not a directory"), ("file/below", "is not a directory"), ("", "")] {
        let output = place.run(["in.wasm", "-o", "out.wasm", "--cache-dir", cache]);
        failed(&output, 2, reason);
    }
    assert_eq!(place.read("file"), b"mine");
    // The parts of a cache as well.
    assert!(!from_cache(&place, "cache") && from_cache(&place, "cache"));
    fs::remove_dir_all(place.join("cache/compiled")).unwrap();
    place.write("cache/compiled", "mine");
    failed(&place.line("in.wasm -o out.wasm --cache-dir cache"), 2, "as a cache");
    assert_eq!(place.read("cache/compiled"), b"mine");
}

fn name(text: &str) -> EntryName {
    EntryName::of(Sha256::new_with_prefix(text))
}

fn make_old(path: &Path) {
    let old = SystemTime::now() - Duration::from_secs(1_000_000);
    fs::File::open(path).unwrap().set_modified(old).unwrap();
}

/// Even a user who keeps own files in a cache of ours gets them back.
#[test]
fn eviction_removes_entries_only() {
    let place = Place::new();
    let section = OwnedDirectory::open(&place.join("cache")).unwrap().section("results").unwrap();
    let hash = "0123456789abcdef".repeat(4);
    let own = [
        "benchmark.csv".to_owned(),
        "mylib/libbig.a".to_owned(),
        hash[1..].to_owned(),
        format!("{hash}0"),
        hash.to_uppercase(),
        format!("{hash}.bak"),
        format!(".{hash}"),
        ".preinit-mine.tmp".to_owned(),
    ];
    for name in &own {
        fill(&place.join("cache/results"), &[(name, &"x".repeat(1000))]);
        make_old(&place.join("cache/results").join(name));
    }
    for k in 0..4 {
        section.write(&name(&k.to_string()), vec![k; 1000]).unwrap();
    }
    section.evict(2500);
    for name in &own {
        assert!(place.join("cache/results").join(name).is_file(), "{name}");
    }
    let left = (0..4).filter(|k| section.read(&name(&k.to_string())).is_some()).count();
    assert_eq!(left, 1, "three quarters of 2500 bytes");
}

#[test]
fn the_oldest_entries_go_first() {
    let place = Place::new();
    let owned = OwnedDirectory::open(&place.join("cache")).unwrap();
    for part in ["compiled", "results"] {
        let section = owned.section(part).unwrap();
        for k in 0..4 {
            section.write(&name(&k.to_string()), vec![k; 1000]).unwrap();
        }
        let oldest = Sha256::digest("2").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        make_old(&place.join("cache").join(part).join(oldest));
        section.evict(4000);
        let left: Vec<u8> = (0..4).filter(|k| section.read(&name(&k.to_string())).is_some()).collect();
        assert!(!left.contains(&2), "{part}: {left:?}");
        assert!(left.len() >= 2, "{part}: {left:?}");
    }
}

/// The command's own limit is 1 GiB.
#[test]
fn a_full_cache_does_not_cost_the_user_s_files() {
    let place = Place::new();
    assert!(!from_results(&place, "cache", ""));
    let large = |name: &str| {
        let path = place.join("cache").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Without taking room on disk.
        fs::File::create(&path).unwrap().set_len(1 << 31).unwrap();
        make_old(&path);
        path
    };
    let entry = large(&format!("results/{}", "ab".repeat(32)));
    let (csv, library) = (large("results/benchmark.csv"), large("compiled/mylib/libbig.a"));
    assert!(!from_results(&place, "cache", "--keep-init-func"));
    assert!(csv.exists() && library.exists());
    assert!(!entry.exists(), "eviction has run");
}
