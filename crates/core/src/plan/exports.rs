use super::{PlanError, PlanOptions, PlannedExport};
use crate::module::Module;
use crate::printable::Printable;
use std::borrow::Cow;

/// An export that gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The name in the output. An export that has it already is dropped.
    pub dst: String,
    /// The name in the input.
    pub src: String,
}

/// Two renames that contradict each other, in words.
pub fn rename_conflict(renames: &[Rename]) -> Option<String> {
    for (at, rename) in renames.iter().enumerate() {
        for other in &renames[..at] {
            if other.dst == rename.dst {
                return Some(format!(
                    "exports `{}` and `{}` are both renamed to `{}`",
                    Printable(&other.src),
                    Printable(&rename.src),
                    Printable(&rename.dst)
                ));
            }
            if other.src == rename.src {
                return Some(format!(
                    "export `{}` is renamed to both `{}` and `{}`",
                    Printable(&other.src),
                    Printable(&other.dst),
                    Printable(&rename.dst)
                ));
            }
        }
    }
    None
}

pub(super) fn plan<'a>(
    module: &Module<'a>,
    options: &PlanOptions,
) -> Result<Vec<PlannedExport<'a>>, PlanError> {
    for Rename { dst, src } in &options.renames {
        if module.export(src).is_none() {
            return Err(PlanError::NoSuchExport { dst: dst.as_str().into(), src: src.as_str().into() });
        }
    }
    let renamed_to =
        |name: &str| options.renames.iter().find(|rename| rename.src == name).map(|rename| &rename.dst);
    let overwritten = |name: &str| options.renames.iter().any(|rename| rename.dst == name);
    let removed = |name: &str| options.removed_exports.iter().any(|removed| removed == name);
    let exports = module.exports.iter().filter_map(|export| {
        let name = match renamed_to(export.name) {
            Some(dst) => Cow::Owned(dst.clone()),
            None if removed(export.name) || overwritten(export.name) => return None,
            None => Cow::Borrowed(export.name),
        };
        Some(PlannedExport { name, kind: export.kind, index: export.index })
    });
    Ok(exports.collect())
}
