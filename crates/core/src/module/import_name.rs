use super::{Module, Space};
use crate::printable::Printable;
use std::fmt;

/// The two names of an import. In messages it is `module.name`, [printable](crate::printable).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportName {
    /// The first name, by convention the provider's.
    pub module: String,
    /// The second name.
    pub name: String,
}

impl ImportName {
    /// The import `module.name`.
    pub fn new(module: impl Into<String>, name: impl Into<String>) -> Self {
        Self { module: module.into(), name: name.into() }
    }

    /// `module.name` as it is, for programs to read.
    pub fn dotted(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
}

impl fmt::Display for ImportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", Printable(&self.module), Printable(&self.name))
    }
}

impl Module<'_> {
    /// The names of the imported functions, by function index.
    pub fn imported_functions(&self) -> impl Iterator<Item = (u32, ImportName)> {
        let imports = self.imports_of(Space::Function);
        (0u32..).zip(imports).map(|(index, (_, import))| (index, ImportName::new(import.module, import.name)))
    }
}
