//! How long paths may be.

use super::functions::Function;
use super::overlay::LONGEST_PATH;
use crate::host::host_value::HostValue;
use crate::host::ledger::Descriptors;

/// Whether a path of this call is longer than on Linux, counted from what the guest was given: descriptors that are opened one below
/// the other would have names of any length otherwise, by which each of their calls is listed.
pub(super) fn is_too_long(function: &Function, args: &[HostValue], descriptors: &Descriptors) -> bool {
    let paths: &[(Option<&str>, &str)] = match function.name {
        "path_symlink" => &[(None, "old_path_len"), (Some("fd"), "new_path_len")],
        "path_rename" => &[(Some("fd"), "old_path_len"), (Some("new_fd"), "new_path_len")],
        "path_link" => &[(Some("old_fd"), "old_path_len"), (Some("new_fd"), "new_path_len")],
        name if name.starts_with("path_") => &[(Some("fd"), "path_len")],
        _ => &[],
    };
    let is_long = |&(directory, len): &(Option<&str>, &str)| {
        let directory = directory.and_then(|name| descriptors.get(function.word(args, name)?));
        let above = directory.map_or(0, |directory| directory.path.len() + 1);
        let len = function.word(args, len).unwrap_or(0);
        // The zero at its end counts.
        above.saturating_add(len as usize) >= LONGEST_PATH
    };
    paths.iter().any(is_long)
}
