//! Nothing is run that somebody else could have put into a cache.

use super::{from_cache, from_results};
use crate::{Place, done, failed, stderr};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Leaves the same in memory as a module that was changed by an attacker would.
const EVIL: &str = r#"(module (memory (export "memory") 1)
    (func (export "preinit") (i32.store (i32.const 0) (i32.const 666))))"#;

const NOBODY: u32 = 65534;

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// The only entry of a part of the cache.
fn entry(place: &Place, part: &str) -> PathBuf {
    let mut entries =
        fs::read_dir(place.join("cache").join(part)).unwrap().map(|entry| entry.unwrap().path());
    let entry = entries.next().unwrap();
    assert!(entries.next().is_none());
    entry
}

/// All files and directories below, itself included.
fn all(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| found.extend(all(&entry.unwrap().path())));
    }
    found
}

/// The file of machine code.
fn code(place: &Place, cache: &str) -> PathBuf {
    let files = all(&place.join(cache).join("compiled"));
    let is_code = |path: &PathBuf| {
        path.is_file() && path.extension().is_none() && path.components().any(|c| c.as_os_str() == "modules")
    };
    files.into_iter().find(is_code).unwrap()
}

#[test]
fn a_directory_that_others_can_change_is_refused() {
    for mode in [0o777, 0o757, 0o702, 0o722, 0o1777] {
        for changed in ["cache", "cache/compiled", "cache/results"] {
            let place = Place::new();
            assert!(!from_results(&place, "cache", "") && from_results(&place, "cache", ""));
            set_mode(place.join(changed), mode);
            let output = place.line("in.wasm -o out.wasm --cache-dir cache --result-cache");
            failed(&output, 2, "cannot use `cache` as a cache");
            assert!(
                stderr(&output).contains(&format!("can be changed by others (its mode is {mode:04o})")),
                "{changed}"
            );
            set_mode(place.join(changed), 0o700);
            assert!(from_results(&place, "cache", ""), "{changed}");
        }
    }
}

/// Whoever can write to a directory above can exchange the cache as a whole.
#[test]
fn a_directory_on_the_way_that_others_can_change_is_refused() {
    for (mode, is_safe) in [
        (0o777, false),
        (0o757, false),
        (0o702, false),
        (0o1777, true),
        (0o755, true),
        (0o700, true),
        (0o711, true),
    ] {
        for (made, cache) in [("above", "above/cache"), ("above/between", "above/between/deep/cache")] {
            let place = Place::new();
            fs::create_dir_all(place.join(made)).unwrap();
            set_mode(place.join(made), mode);
            let output = place.line(&format!("in.wasm -o out.wasm --cache-dir {cache}"));
            match is_safe {
                true => done(&output),
                false => failed(&output, 2, "as a cache"),
            }
        }
    }
}

#[test]
fn the_way_through_a_link_counts() {
    let place = Place::new();
    fs::create_dir_all(place.join("shared/inside")).unwrap();
    fs::create_dir(place.join("private")).unwrap();
    symlink("../private", place.join("shared/link")).unwrap();
    symlink("shared/inside", place.join("link")).unwrap();
    set_mode(place.join("shared"), 0o777);
    for cache in ["shared/link/cache", "link/cache", "shared/../shared/inside"] {
        failed(&place.line(&format!("in.wasm -o out.wasm --cache-dir {cache}")), 2, "as a cache");
    }
    set_mode(place.join("shared"), 0o755);
    for cache in ["shared/link/cache", "link/cache"] {
        assert!(!from_cache(&place, cache) && from_cache(&place, cache), "{cache}");
    }
}

#[test]
fn the_platform_s_cache_is_not_used_if_others_can_change_it() {
    let place = Place::new();
    let run = || {
        let mut command = place.command(["in.wasm", "-o", "out.wasm", "-v"]);
        let output = command.env("XDG_CACHE_HOME", place.path()).output().unwrap();
        done(&output);
        stderr(&output)
    };
    run();
    assert!(run().contains(", from the cache"));
    set_mode(place.join("preinit"), 0o777);
    let text = run();
    assert!(text.contains("cache not used: ") && !text.contains(", from the cache"), "{text}");
}

#[test]
fn what_others_could_have_changed_is_made_anew() {
    for open in [0o002, 0o022] {
        let place = Place::new();
        let fresh = || {
            let _ = fs::remove_dir_all(place.join("cache"));
            assert!(!from_results(&place, "cache", ""));
            assert!(from_cache(&place, "cache"));
        };
        fresh();
        let below = all(&entry(&place, "compiled"));
        // Statistics of the engine are no code.
        let counted = below.iter().filter(|path| path.extension().is_none() && !path.ends_with("lock"));
        let counted: Vec<_> = counted.cloned().collect();
        assert!(counted.len() >= 5, "{counted:?}");
        for path in counted {
            fresh();
            set_mode(&path, mode(&path) | open);
            assert!(!from_cache(&place, "cache"), "{}", path.display());
            assert!(from_cache(&place, "cache"), "it is made anew");
        }
        fresh();
        let result = entry(&place, "results");
        set_mode(&result, 0o600 | open);
        assert!(!from_results(&place, "cache", ""));
        assert!(from_results(&place, "cache", ""));
    }
}

/// A file of ours that stands elsewhere too may be written there.
#[test]
fn what_has_another_name_is_made_anew() {
    let place = Place::new();
    assert!(!from_results(&place, "cache", ""));
    let (code, result) = (code(&place, "cache"), entry(&place, "results"));
    fs::hard_link(&code, place.join("name")).unwrap();
    fs::hard_link(&result, place.join("other")).unwrap();
    assert!(!from_cache(&place, "cache") && from_cache(&place, "cache"));
    assert!(!from_results(&place, "cache", "") && from_results(&place, "cache", ""));
}

/// Of another user if this is the administrator, who can make such; else of the administrator.
#[test]
fn what_belongs_to_another_user_is_not_used() {
    let place = Place::new();
    assert!(!from_results(&place, "cache", "") && from_results(&place, "cache", ""));
    if chown(place.join("cache"), Some(NOBODY), None).is_err() {
        failed(&place.line("in.wasm -o out.wasm --cache-dir /usr"), 2, "as a cache");
        return;
    }
    for changed in ["cache", "cache/compiled", "cache/results", "cache/CACHEDIR.TAG"] {
        chown(place.join("cache"), Some(0), None).unwrap();
        chown(place.join(changed), Some(NOBODY), None).unwrap();
        let output = place.line("in.wasm -o out.wasm --cache-dir cache --result-cache");
        failed(&output, 2, "cannot use `cache` as a cache");
        assert!(stderr(&output).contains("belongs to another user (number 65534)"), "{}", stderr(&output));
        chown(place.join(changed), Some(0), None).unwrap();
    }
    for path in [code(&place, "cache"), entry(&place, "compiled").join("sealed"), entry(&place, "compiled")] {
        assert!(from_cache(&place, "cache"));
        chown(&path, Some(NOBODY), None).unwrap();
        assert!(!from_cache(&place, "cache"), "{}", path.display());
    }
    chown(entry(&place, "results"), Some(NOBODY), None).unwrap();
    assert!(!from_results(&place, "cache", "") && from_results(&place, "cache", ""));
    fs::create_dir_all(place.join("above")).unwrap();
    chown(place.join("above"), Some(NOBODY), None).unwrap();
    failed(&place.line("in.wasm -o out.wasm --cache-dir above/cache"), 2, "as a cache");
}

/// The name of every entry can be computed, and so can a plain hash. A key cannot.
#[test]
fn a_forged_entry_is_not_run() {
    let place = Place::new();
    place.write("evil.wat", EVIL);
    assert!(!from_cache(&place, "cache") && from_cache(&place, "cache"));
    let honest = place.read("out.wasm");
    done(&place.line("evil.wat -o evil.wasm --cache-dir other"));
    let forged = fs::read(code(&place, "other")).unwrap();
    let (own, sealed) = (code(&place, "cache"), entry(&place, "compiled").join("sealed"));
    let relative = own.strip_prefix(entry(&place, "compiled")).unwrap().display().to_string();
    let digest: String =
        <sha2::Sha256 as sha2::Digest>::digest(&forged).iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{digest}  {relative}\n");
    let genuine = fs::read(&sealed).unwrap();
    let seals: [Vec<u8>; 4] = [
        list.clone().into(),
        [list.as_bytes(), &genuine[genuine.len() - 32..]].concat(),
        [list.as_bytes(), &[0; 32]].concat(),
        genuine,
    ];
    for seal in seals {
        let _ = fs::create_dir_all(own.parent().unwrap());
        fs::write(&own, &forged).unwrap();
        fs::write(&sealed, seal).unwrap();
        assert!(!from_cache(&place, "cache"));
        assert_eq!(place.read("out.wasm"), honest);
    }
}

/// An entry is for one module. Under the name of another, and in a cache with another key, it is worth nothing.
#[test]
fn an_entry_that_was_moved_is_not_run() {
    let place = Place::new();
    assert!(!from_results(&place, "cache", ""));
    let honest = place.read("out.wasm");
    let (compiled, result) = (entry(&place, "compiled"), entry(&place, "results"));
    fs::remove_dir_all(place.join("cache")).unwrap();
    place.write("evil.wat", EVIL);
    done(&place.line("evil.wat -o evil.wasm --cache-dir cache --result-cache"));
    fs::rename(entry(&place, "compiled"), &compiled).unwrap();
    fs::rename(entry(&place, "results"), &result).unwrap();
    assert!(!from_results(&place, "cache", ""));
    assert_eq!(place.read("out.wasm"), honest);
    assert!(from_cache(&place, "cache"), "made anew");

    for part in ["compiled", "results"] {
        assert!(!from_results(&place, "second", "") || part == "results");
        let kept = place.join("second").join(part);
        fs::remove_dir_all(&kept).unwrap();
        let copied =
            Command::new("cp").arg("-a").arg(place.join("cache").join(part)).arg(&kept).status().unwrap();
        assert!(copied.success());
    }
    assert!(!from_cache(&place, "second") && !from_results(&place, "second", ""));
}

#[test]
fn a_key_that_others_know_is_replaced() {
    let place = Place::new();
    let key = place.join("cache/key");
    let sealed_with = |prepare: &dyn Fn()| {
        let _ = fs::remove_dir_all(place.join("cache"));
        assert!(!from_cache(&place, "cache") && from_cache(&place, "cache"));
        let old = fs::read(&key).unwrap();
        assert_eq!((old.len(), mode(&key)), (64, 0o600));
        prepare();
        assert!(!from_cache(&place, "cache"), "what was sealed with the old key is not run");
        assert!(from_cache(&place, "cache"));
        let new = fs::read(&key).unwrap();
        assert!(new != old && new.len() == 64 && mode(&key) == 0o600);
    };
    for mode in [0o604, 0o640, 0o644, 0o666, 0o602] {
        sealed_with(&|| set_mode(&key, mode));
    }
    sealed_with(&|| fs::write(&key, b"short").unwrap());
    sealed_with(&|| fs::write(&key, [0; 65]).unwrap());
    sealed_with(&|| fs::remove_file(&key).unwrap());
    sealed_with(&|| fs::hard_link(&key, place.join("name")).unwrap());
    fs::remove_file(place.join("name")).unwrap();
    sealed_with(&|| {
        fs::remove_file(&key).unwrap();
        place.write("known", [7; 64]);
        symlink(place.join("known"), &key).unwrap();
    });
    assert_eq!(place.read("known"), [7; 64]);
}

#[test]
fn links_inside_a_cache_are_not_followed() {
    let place = Place::new();
    assert!(!from_results(&place, "cache", ""));
    for inside in ["compiled", "results"] {
        let moved = place.join(&format!("{inside}-moved"));
        fs::rename(place.join("cache").join(inside), &moved).unwrap();
        symlink(&moved, place.join("cache").join(inside)).unwrap();
        let output = place.line("in.wasm -o out.wasm --cache-dir cache --result-cache");
        failed(&output, 2, "as a cache");
        fs::remove_file(place.join("cache").join(inside)).unwrap();
        fs::rename(&moved, place.join("cache").join(inside)).unwrap();
    }
    let paths = [entry(&place, "compiled"), code(&place, "cache"), entry(&place, "compiled").join("sealed")];
    for path in paths {
        fs::rename(&path, place.join("moved")).unwrap();
        symlink(place.join("moved"), &path).unwrap();
        assert!(!from_cache(&place, "cache"), "{}", path.display());
        assert!(from_cache(&place, "cache") && place.join("moved").exists());
        let _ = fs::remove_dir_all(place.join("moved")).or_else(|_| fs::remove_file(place.join("moved")));
    }
    let result = entry(&place, "results");
    fs::rename(&result, place.join("moved")).unwrap();
    symlink(place.join("moved"), &result).unwrap();
    assert!(!from_results(&place, "cache", "") && from_results(&place, "cache", ""));
    // A pipe would be waited for.
    fs::remove_file(&result).unwrap();
    assert!(Command::new("mkfifo").arg(&result).status().unwrap().success());
    assert!(!from_results(&place, "cache", "") && from_results(&place, "cache", ""));
}

#[test]
fn the_user_s_mask_does_not_matter() {
    for mask in ["000", "002", "022", "027", "077"] {
        let place = Place::new();
        let run = || {
            let line = "in.wasm -o out.wasm -v --no-opt --cache-dir above/cache --result-cache";
            let binary = env!("CARGO_BIN_EXE_preinit");
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("umask {mask}; exec '{binary}' {line}")).current_dir(place.path());
            let output = command.output().unwrap();
            done(&output);
            stderr(&output)
        };
        run();
        assert!(run().contains("an earlier run made it"), "{mask}");
        assert!(place.line("in.wasm -o out.wasm -v --no-opt --cache-dir above/cache").status.success());
        for path in all(&place.join("above")) {
            let allowed = if path.is_dir() { 0o700 } else { 0o600 };
            // The engine notes things about its files when it likes; nobody gets there.
            let is_note = path.is_file()
                && path.extension().is_some()
                && path.components().any(|part| part.as_os_str() == "engine");
            let found = mode(&path);
            assert!(
                is_note || path.ends_with("CACHEDIR.TAG") || found == allowed,
                "{mask}: {found:o} {}",
                path.display()
            );
        }
        assert!(from_cache(&place, "above/cache"), "{mask}");
    }
}
