use super::{PlanOptions, PlannedExport, Warning};
use crate::module::{Module, is_function};
use crate::nearest::nearest;
use crate::printable::{Name, Printable};
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

/// The renames that have an effect: an export that does not exist cannot be renamed.
pub fn effective_renames<'r>(
    module: &Module<'_>,
    renames: &'r [Rename],
) -> impl Iterator<Item = &'r Rename> + Clone {
    renames.iter().filter(|rename| module.export(&rename.src).is_some())
}

pub(super) fn warnings(module: &Module<'_>, renames: &[Rename]) -> Vec<Warning> {
    let missing = renames.iter().filter(|rename| module.export(&rename.src).is_none());
    let near = |src: &str| nearest(src, module.exports.iter().map(|export| export.name)).map(Name::from);
    let warning = |Rename { dst, src }: &Rename| Warning::NoSuchExport {
        dst: dst.as_str().into(),
        src: src.as_str().into(),
        near: near(src),
    };
    missing.map(warning).collect()
}

pub(super) fn plan<'a>(module: &Module<'a>, options: &PlanOptions) -> Vec<PlannedExport<'a>> {
    let renames: Vec<&Rename> = effective_renames(module, &options.renames).collect();
    let renamed_to = |name: &str| renames.iter().find(|rename| rename.src == name).map(|rename| &rename.dst);
    let overwritten = |name: &str| renames.iter().any(|rename| rename.dst == name);
    let removed = |name: &str| options.removed_exports.iter().any(|removed| removed == name);
    let exports = module.exports.iter().filter_map(|export| {
        let name = match renamed_to(export.name) {
            Some(dst) => Cow::Owned(dst.clone()),
            None if is_function(export.kind) && removed(export.name) || overwritten(export.name) => {
                return None;
            }
            None => Cow::Borrowed(export.name),
        };
        Some(PlannedExport { name, kind: export.kind, index: export.index })
    });
    exports.chain(options.added_exports.iter().cloned()).collect()
}
