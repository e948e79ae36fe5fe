//! Exports that do nothing any more but return a constant: functions that a host calls to initialize the module, of which
//! nothing is left to be done.
//!
//! No example: internal to the product; the crate's example shows the pipeline.

use crate::addition::{AddedState, Addition};
use crate::module::{Module, Patch, SectionId, export_section, is_function};
use crate::printable::{Name, Printable};
use std::collections::HashMap;
use wasm_encoder::{Function, Ieee32, Ieee64, Instruction};
use wasmparser::ValType;

/// An exported function that does nothing but return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantExport {
    /// The export.
    pub name: String,
    /// The number that it returns, in decimal; `None` if it returns nothing.
    pub value: Option<String>,
}

/// Why an export cannot be one that returns a constant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstantExportError {
    /// There is none of that name.
    #[error("there is no exported function `{0}`")]
    NoFunction(Name),
    /// It is given twice.
    #[error("the export `{0}` is to return two things")]
    Twice(Name),
    /// It returns something, and nothing was given.
    #[error("the export `{name}` returns {results}, and it is not said which")]
    Returns {
        /// The export.
        name: Name,
        /// What it returns, in words.
        results: String,
    },
    /// It does not return exactly one number.
    #[error("the export `{name}` returns {results}, which cannot be given as a number")]
    NotOneNumber {
        /// The export.
        name: Name,
        /// What it returns, in words.
        results: String,
    },
    /// The text is no number of that type.
    #[error("the export `{name}` returns {ty}, and `{}` is none", Printable(value))]
    NotOfType {
        /// The export.
        name: Name,
        /// The type.
        ty: ValType,
        /// The text.
        value: String,
    },
}

/// Lets these exports be functions that do nothing else. What they were stays, for calls inside of the module.
///
/// # Errors
/// [`ConstantExportError`], if the module has no such function, or it returns something else.
pub fn constant_exports(
    module: &Module<'_>,
    wanted: &[ConstantExport],
) -> Result<Addition, ConstantExportError> {
    let mut patch = Patch::new(module);
    let mut functions: HashMap<&str, u32> = HashMap::new();
    let mut names = Vec::new();
    for export in wanted {
        let name = || export.name.as_str().into();
        let of_name = module.export(&export.name).filter(|found| is_function(found.kind));
        let original = of_name.ok_or_else(|| ConstantExportError::NoFunction(name()))?.index;
        let results = module.signature(original).map_or(&[][..], |ty| ty.results());
        let mut body = Function::new([]);
        if let Some(constant) = constant(export, results)? {
            body.instruction(&constant);
        }
        body.instruction(&Instruction::End);
        let function = patch.function(module.functions[original as usize], &body.into_raw_body());
        if functions.insert(&export.name, function).is_some() {
            return Err(ConstantExportError::Twice(name()));
        }
        names.push((function, format!("constant:{}", export.name)));
    }
    let exports = module.exports.iter().map(|export| {
        let index = functions.get(export.name).copied().unwrap_or(export.index);
        (export.name, export.kind, index)
    });
    patch.replacements.set(SectionId::EXPORT, export_section(exports));
    patch.name_functions(&names);
    let drops_dwarf = patch.drop_moved_dwarf();
    Ok(Addition {
        wasm: patch.apply(),
        state: AddedState::default(),
        slots: HashMap::new(),
        entries: wanted.iter().map(|export| export.name.clone()).collect(),
        drops_dwarf,
    })
}

/// What the export pushes, if it returns anything.
fn constant(
    export: &ConstantExport,
    results: &[ValType],
) -> Result<Option<Instruction<'static>>, ConstantExportError> {
    let name = || export.name.as_str().into();
    let in_words = || match results {
        [] => "nothing".to_string(),
        _ => results.iter().map(ValType::to_string).collect::<Vec<_>>().join(", "),
    };
    let Some(value) = &export.value else {
        return match results {
            [] => Ok(None),
            _ => Err(ConstantExportError::Returns { name: name(), results: in_words() }),
        };
    };
    let &[ty @ (ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64)] = results else {
        return Err(ConstantExportError::NotOneNumber { name: name(), results: in_words() });
    };
    let number = number(ty, value);
    let number =
        number.ok_or_else(|| ConstantExportError::NotOfType { name: name(), ty, value: value.clone() });
    number.map(Some)
}

/// Integers may be signed or unsigned.
fn number(ty: ValType, text: &str) -> Option<Instruction<'static>> {
    Some(match ty {
        ValType::I32 => {
            let value: i64 = text.parse().ok()?;
            let fits = (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&value);
            Instruction::I32Const(fits.then_some(value as i32)?)
        }
        ValType::I64 => {
            let value: i128 = text.parse().ok()?;
            let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value);
            Instruction::I64Const(fits.then_some(value as i64)?)
        }
        ValType::F32 => Instruction::F32Const(Ieee32::from(text.parse::<f32>().ok()?)),
        ValType::F64 => Instruction::F64Const(Ieee64::from(text.parse::<f64>().ok()?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{ConstantExport, constant_exports};
    use crate::module::Module;

    const MODULE: &str = r#"(module
        (memory (export "memory") 1)
        (global $ran (export "ran") (mut i32) (i32.const 0))
        (func $init (export "init") (param i32 i32) (global.set $ran (i32.const 1)))
        (func (export "again") (call $init (i32.const 0) (i32.const 0)))
        (func (export "i32") (result i32) unreachable)
        (func (export "i64") (result i64) unreachable)
        (func (export "f32") (result f32) unreachable)
        (func (export "f64") (result f64) unreachable)
        (func (export "two") (result i32 i32) unreachable)
        (func (export "ref") (result externref) unreachable))"#;

    fn made(wanted: &[(&str, Option<&str>)]) -> Result<String, String> {
        let wasm = wat::parse_str(MODULE).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let wanted: Vec<ConstantExport> = wanted
            .iter()
            .map(|(name, value)| ConstantExport {
                name: (*name).to_string(),
                value: value.map(str::to_string),
            })
            .collect();
        let addition = constant_exports(&module, &wanted).map_err(|error| error.to_string())?;
        let made = Module::parse(&addition.wasm).unwrap();
        let bodies = made.bodies();
        let shown = wanted.iter().map(|ConstantExport { name, .. }| {
            let index = made.export(name).unwrap().index;
            let original = module.export(name).unwrap().index;
            assert_eq!(made.functions[index as usize], made.functions[original as usize]);
            let body = &bodies[(index - made.imported.functions) as usize];
            let operators = body.get_operators_reader().unwrap().into_iter();
            operators.map(|operator| format!("{:?}", operator.unwrap())).collect::<Vec<_>>().join(" ")
        });
        Ok(shown.collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn exports_return_what_was_given() {
        assert_eq!(made(&[("init", None)]).unwrap(), "End");
        assert_eq!(made(&[("i32", Some("-1")), ("init", None)]).unwrap(), "I32Const { value: -1 } End; End");
        assert_eq!(made(&[("i32", Some("4294967295"))]).unwrap(), "I32Const { value: -1 } End");
        assert_eq!(
            made(&[("i64", Some("9007199254740993"))]).unwrap(),
            "I64Const { value: 9007199254740993 } End"
        );
        assert!(made(&[("f32", Some("1.5"))]).unwrap().contains(&format!("{}", 1.5f32.to_bits())));
        assert!(made(&[("f64", Some("-0.25"))]).unwrap().contains(&format!("{}", (-0.25f64).to_bits())));
    }

    #[test]
    fn other_exports_stay() {
        let wasm = wat::parse_str(MODULE).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let wanted = [ConstantExport { name: "init".to_string(), value: None }];
        let addition = constant_exports(&module, &wanted).unwrap();
        let made = Module::parse(&addition.wasm).unwrap();
        for (export, original) in made.exports.iter().zip(&module.exports) {
            assert_eq!((export.name, export.kind), (original.name, original.kind));
            assert_eq!(export.index != original.index, export.name == "init", "{}", export.name);
        }
        assert_eq!(addition.entries, ["init"]);
    }

    #[test]
    fn what_is_no_such_export_is_refused() {
        let refused = |wanted: &[(&str, Option<&str>)], expected: &str| {
            let error = made(wanted).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        refused(&[("nothing", None)], "there is no exported function `nothing`");
        refused(&[("memory", None)], "there is no exported function `memory`");
        refused(&[("init", None), ("init", None)], "`init` is to return two things");
        refused(&[("i32", None)], "`i32` returns i32, and it is not said which");
        refused(&[("init", Some("1"))], "`init` returns nothing, which cannot be given");
        refused(&[("two", Some("1"))], "returns i32, i32, which cannot");
        refused(&[("ref", Some("1"))], "returns externref, which cannot");
        refused(&[("i32", Some("4294967296"))], "returns i32, and `4294967296` is none");
        refused(&[("i64", Some("x\ny"))], "returns i64, and `x\\ny` is none");
    }
}
