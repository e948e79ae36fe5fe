//! A module that writes files cannot write into a cache: it would put machine code there that runs next time.

use super::from_cache;
use crate::{Place, done, failed, stderr};
use preinit::host::{Access, Directory, WasiOptions};
use preinit::stages::cache::CompileCache;
use std::fs;

/// Where the cache is, and what the module may write to.
const REACHED: [(&str, &str); 6] = [
    ("cache", "."),
    ("cache", "cache"),
    ("deep/down/cache", "deep"),
    ("deep/down/cache", "deep/down"),
    ("cache", "cache/compiled"),
    ("deep/../cache", "cache/compiled"),
];

#[test]
fn a_named_cache_is_refused() {
    for (cache, writable) in REACHED {
        let place = Place::new();
        fs::create_dir_all(place.join("deep/down")).unwrap();
        assert!(!from_cache(&place, cache) && from_cache(&place, cache));
        for more in ["", "--result-cache", "--mapdir /other::deep"] {
            let line = format!(
                "in.wasm -o out.wasm --cache-dir {cache} --allow-wasi --dir-rw /w::{writable} {more}"
            );
            let output = place.line(&line);
            failed(&output, 2, "give --cache-dir a directory elsewhere");
            assert!(stderr(&output).contains("the module may write to"), "{}", stderr(&output));
        }
    }
}

/// Whether all of it is there already or not.
#[cfg(unix)]
#[test]
fn a_cache_behind_a_link_of_the_module_is_refused() {
    for cache in ["rw/link", "rw/link/new", "rw/link/new/below", "rw/link/../out/new"] {
        let place = Place::new();
        fs::create_dir_all(place.join("rw")).unwrap();
        fs::create_dir_all(place.join("out")).unwrap();
        std::os::unix::fs::symlink("../out", place.join("rw/link")).unwrap();
        for command in ["in.wasm -o out.wasm", "audit in.wasm"] {
            let line = format!("{command} -f init --allow-wasi --dir-rw /rw::rw --cache-dir {cache}");
            let output = place.line(&line);
            assert_eq!(crate::code(&output), 2, "{line}: {}", stderr(&output));
            assert!(fs::read_dir(place.join("out")).unwrap().next().is_none(), "{line}");
            assert!(stderr(&output).contains("the module may write to"), "{line}: {}", stderr(&output));
        }
    }
}

#[test]
fn reading_and_neighbors_are_no_reason() {
    let place = Place::new();
    fs::create_dir(place.join("work")).unwrap();
    assert!(!from_cache(&place, "cache"));
    for line in ["--dir .", "--mapdir /c::cache", "--dir-rw work", "--dir-rw work --dir ."] {
        let output =
            place.line(&format!("in.wasm -o out.wasm -v --no-opt --cache-dir cache --allow-wasi {line}"));
        done(&output);
        assert!(stderr(&output).contains(", from the cache"), "{line}: {}", stderr(&output));
    }
}

#[test]
fn the_platform_s_cache_is_not_used() {
    let place = Place::new();
    let run = |line: &str| {
        let mut command = place.command(line.split_whitespace());
        let output = command.env("XDG_CACHE_HOME", place.join("home")).output().unwrap();
        done(&output);
        stderr(&output)
    };
    run("in.wasm -o out.wasm --no-opt");
    assert!(run("in.wasm -o out.wasm -v --no-opt").contains(", from the cache"));
    let writes = "in.wasm -o out.wasm --allow-wasi --dir-rw home";
    assert!(!run(writes).contains("cache"));
    let verbose = run(&format!("{writes} -v --no-opt"));
    assert!(verbose.contains("cache not used") && !verbose.contains(", from the cache"), "{verbose}");
}

/// The module could make the link lead to a cache of its own making.
#[cfg(unix)]
#[test]
fn a_link_that_the_module_can_change_is_refused() {
    let place = Place::new();
    fs::create_dir_all(place.join("work/links")).unwrap();
    std::os::unix::fs::symlink("../../cache", place.join("work/links/cache")).unwrap();
    std::os::unix::fs::symlink("work/links/cache", place.join("outside")).unwrap();
    assert!(!from_cache(&place, "cache") && from_cache(&place, "work/links/cache"));
    for cache in ["work/links/cache", "outside"] {
        for writable in ["work", "work/links"] {
            let line =
                format!("in.wasm -o out.wasm --cache-dir {cache} --allow-wasi --dir-rw /w::{writable}");
            failed(&place.line(&line), 2, "elsewhere");
        }
    }
    // By its own name, it is out of reach.
    done(&place.line("in.wasm -o out.wasm --cache-dir cache --allow-wasi --dir-rw /w::work"));
}

#[test]
fn the_library_does_not_use_it() {
    let place = Place::new();
    fs::create_dir(place.join("work")).unwrap();
    let run = |writable: &str| {
        let directory = |writable| Directory {
            guest: "/w".into(),
            host: place.join(writable),
            access: Access::ReadWrite,
        };
        let wasi = WasiOptions { dirs: vec![directory(writable)], ..WasiOptions::default() };
        let preinit =
            preinit::Preinit::new().compile_cache(Some(CompileCache::new(place.join("cache")))).wasi(wasi);
        preinit.run(&place.read("in.wasm")).unwrap().report.compile_cached
    };
    assert!(!run("work") && run("work"));
    assert!(!run(".") && !run("cache"));
}
