//! Values with a name and something that belongs to it.

use std::path::PathBuf;

use preinit::Rename;
use preinit::stages::constant_exports::ConstantExport;

/// A directory of this machine and its name in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The guest's name for it.
    pub guest: String,
    /// The directory.
    pub host: PathBuf,
}

/// A file that provides the imports of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preload {
    /// The module name that imports use.
    pub name: String,
    /// The file, binary or text.
    pub file: PathBuf,
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub key: String,
    /// Its value; `None` for the one that this process has.
    pub value: Option<String>,
}

/// `DST=SRC`. An export's name may itself hold `=`; the first one divides.
pub fn rename(text: &str) -> Result<Rename, String> {
    match text.split_once('=') {
        Some((dst, src)) => Ok(Rename { dst: dst.to_owned(), src: src.to_owned() }),
        None => Err("expected DST=SRC, the new name first".to_owned()),
    }
}

/// `NAME=FILE`.
pub fn preload(text: &str) -> Result<Preload, String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => Ok(Preload { name: name.to_owned(), file: file.into() }),
        _ => Err("expected NAME=FILE, the imports' module name first".to_owned()),
    }
}

/// `NAME=VALUE`. An export's name may itself hold `=`, a number cannot; the last one divides.
pub fn constant_export(text: &str) -> Result<ConstantExport, String> {
    match text.rsplit_once('=') {
        Some((name, value)) if !value.is_empty() => {
            Ok(ConstantExport { name: name.to_owned(), value: Some(value.to_owned()) })
        }
        _ => Err("expected NAME=VALUE, the export's name first".to_owned()),
    }
}

/// `MODULE.NAME`, kept as typed: both names may hold dots, so it takes the module's imports to divide it. `INTERFACE#NAME` for
/// components, and `NAME` or `#NAME` for what is in no interface.
pub fn stub(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected MODULE.NAME".to_owned()) } else { Ok(text.to_owned()) }
}

/// `KEY=VALUE` or `KEY`.
pub fn variable(text: &str) -> Result<Variable, String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() || text.contains('\0') {
        return Err("expected KEY=VALUE or KEY".to_owned());
    }
    Ok(Variable { key: key.to_owned(), value })
}

/// A directory that has the same name in the guest, or `HOST::GUEST`, as `wasmtime wizer` has it.
pub fn directory(text: &str) -> Result<Mapping, String> {
    match text.split_once("::") {
        None if text.is_empty() => Err("expected a directory".to_owned()),
        None => Ok(Mapping { guest: text.to_owned(), host: text.into() }),
        Some((host, guest)) if !guest.is_empty() && !host.is_empty() => {
            Ok(Mapping { guest: guest.to_owned(), host: host.into() })
        }
        Some(_) => Err("expected a directory, or HOST::GUEST".to_owned()),
    }
}

/// `GUEST::HOST`.
pub fn mapping(text: &str) -> Result<Mapping, String> {
    match text.split_once("::") {
        Some((guest, host)) if !guest.is_empty() && !host.is_empty() => {
            Ok(Mapping { guest: guest.to_owned(), host: host.into() })
        }
        _ => Err("expected GUEST::HOST, the guest's name first".to_owned()),
    }
}

/// `GUEST::HOST`, or a directory that has the same name in the guest.
pub fn directory_or_mapping(text: &str) -> Result<Mapping, String> {
    if text.contains("::") { mapping(text) } else { directory(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_first() {
        assert_eq!(rename("_start=a=b"), Ok(Rename { dst: "_start".to_owned(), src: "a=b".to_owned() }));
        assert_eq!(preload("env=x=y.wat"), Ok(Preload { name: "env".to_owned(), file: "x=y.wat".into() }));
        assert_eq!(mapping("/lib::./lib"), Ok(Mapping { guest: "/lib".to_owned(), host: "./lib".into() }));
        assert_eq!(directory("./lib::/lib"), Ok(Mapping { guest: "/lib".to_owned(), host: "./lib".into() }));
        assert_eq!(directory_or_mapping("lib"), Ok(Mapping { guest: "lib".to_owned(), host: "lib".into() }));
        assert_eq!(directory_or_mapping("/::lib"), Ok(Mapping { guest: "/".to_owned(), host: "lib".into() }));
    }

    #[test]
    fn a_number_comes_last() {
        let constant = |name: &str, value: &str| {
            Ok(ConstantExport { name: name.to_owned(), value: Some(value.to_owned()) })
        };
        assert_eq!(constant_export("a=b=-1"), constant("a=b", "-1"));
        assert_eq!(constant_export("=1"), constant("", "1"));
        assert!(constant_export("a").is_err());
        assert!(constant_export("a=").is_err());
    }

    #[test]
    fn variables() {
        assert_eq!(variable("A=b=c"), Ok(Variable { key: "A".to_owned(), value: Some("b=c".to_owned()) }));
        assert_eq!(variable("A="), Ok(Variable { key: "A".to_owned(), value: Some(String::new()) }));
        assert_eq!(variable("A"), Ok(Variable { key: "A".to_owned(), value: None }));
    }

    #[test]
    fn halves() {
        assert!(rename("x").is_err());
        assert!(preload("x").is_err());
        assert!(preload("x=").is_err());
        assert!(stub("").is_err());
        assert!(variable("=x").is_err());
        assert!(directory("").is_err());
        assert!(directory("x::").is_err());
        assert!(mapping("x").is_err());
        assert!(mapping("::x").is_err());
        assert!(directory_or_mapping("x::").is_err());
    }
}
