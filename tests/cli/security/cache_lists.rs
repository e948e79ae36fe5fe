//! Access control lists of POSIX let others write too.

use super::{from_cache, from_results};
use crate::{Place, done, failed};
use rustix::fs::{XattrFlags, setxattr};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const NOBODY: u32 = 65534;
const NO_ID: u32 = u32::MAX;
pub const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// Sets a list by which NOBODY may do `user`, and nobody on it more than `mask`. The file system must have lists, as those of Linux do.
#[track_caller]
pub fn set_list(path: &Path, name: &str, (user, mask): (u16, u16)) {
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in
        [(1u16, 7u16, NO_ID), (2, user, NOBODY), (4, 5, NO_ID), (16, mask, NO_ID), (32, 0, NO_ID)]
    {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    setxattr(path, name, &list, XattrFlags::empty()).unwrap();
}

fn remove_list(path: &Path, mode: u32) {
    rustix::fs::removexattr(path, ACCESS).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_list_that_lets_others_write_is_refused() {
    let place = Place::new();
    fs::create_dir(place.join("above")).unwrap();
    assert!(!from_results(&place, "above/cache", "") && from_results(&place, "above/cache", ""));
    for changed in
        ["above", "above/cache", "above/cache/compiled", "above/cache/results", "above/cache/CACHEDIR.TAG"]
    {
        let path = place.join(changed);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        set_list(&path, ACCESS, (7, 7));
        let output = place.line("in.wasm -o out.wasm --cache-dir above/cache --result-cache");
        failed(&output, 2, "can be changed by others");
        // The most that anybody on it may is to read.
        set_list(&path, ACCESS, (7, 5));
        assert!(from_results(&place, "above/cache", ""), "{changed}");
        remove_list(&path, mode);
        assert!(from_results(&place, "above/cache", ""), "{changed}");
    }
}

#[test]
fn a_file_whose_list_lets_others_write_is_made_anew() {
    let place = Place::new();
    assert!(!from_cache(&place, "cache") && from_cache(&place, "cache"));
    let entry = fs::read_dir(place.join("cache/compiled")).unwrap().next().unwrap().unwrap().path();
    for changed in [entry.join("sealed"), entry] {
        assert!(from_cache(&place, "cache"));
        set_list(&changed, ACCESS, (6, 6));
        assert!(!from_cache(&place, "cache"), "{}", changed.display());
        assert!(from_cache(&place, "cache"), "made anew");
    }
}

/// What is made in such a directory has a list from the beginning, and others may do nothing by it.
#[test]
fn what_is_made_below_a_default_list_is_for_its_owner() {
    let place = Place::new();
    fs::create_dir(place.join("above")).unwrap();
    set_list(&place.join("above"), DEFAULT, (7, 7));
    assert!(!from_results(&place, "above/cache", "") && from_results(&place, "above/cache", ""));
    assert!(from_cache(&place, "above/cache"));
    let mut left = vec![place.join("above/cache")];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let is_note =
            path.extension().is_some() && path.components().any(|part| part.as_os_str() == "engine");
        // Of a list, these bits are the most that anybody on it may do.
        assert!(is_note || metadata.permissions().mode() & 0o070 == 0, "{}", path.display());
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[test]
fn prepared_code_that_a_list_lets_others_change_is_not_taken() {
    let place = Place::new();
    fs::create_dir(place.join("deep")).unwrap();
    done(&place.line("prepare in.wasm -o deep/code"));
    let line = "in.wasm -o out.wasm --prepared deep/code";
    done(&place.line(line));
    for (changed, mode) in [("deep/code", 0o644), ("deep", 0o755)] {
        set_list(&place.join(changed), ACCESS, (7, 7));
        failed(&place.line(line), 2, "can be changed by others");
        set_list(&place.join(changed), ACCESS, (7, 5));
        done(&place.line(line));
        remove_list(&place.join(changed), mode);
        done(&place.line(line));
    }
    set_list(&place.join("deep"), ACCESS, (7, 7));
    failed(&place.line("prepare in.wasm -o deep/new"), 2, "can be changed by others");
}
