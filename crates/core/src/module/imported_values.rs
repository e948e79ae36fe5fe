use super::Module;
use wasmparser::{ConstExpr, Operator};

/// Which initial values are decided by what is provided for imported globals.
pub struct ImportedValues {
    /// For each global whether it is imported, or was made of one that is.
    of_imports: Vec<bool>,
}

impl ImportedValues {
    /// Constant expressions read what stands before them, so once through is enough.
    pub fn of(module: &Module<'_>) -> ImportedValues {
        let mut values = ImportedValues { of_imports: Vec::with_capacity(module.globals.len()) };
        for (index, global) in (0u32..).zip(&module.globals) {
            let is_imported = index < module.imported.globals;
            let depends = is_imported || global.init.iter().any(|init| values.decide(init));
            values.of_imports.push(depends);
        }
        values
    }

    /// Whether they decide the value of a constant expression.
    pub fn decide(&self, expression: &ConstExpr<'_>) -> bool {
        let is_of_import = |index: u32| self.of_imports.get(index as usize).copied().unwrap_or(false);
        expression.get_operators_reader().into_iter().flatten().any(
            |operator| matches!(operator, Operator::GlobalGet { global_index } if is_of_import(global_index)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::DataKind;

    #[test]
    fn what_is_made_of_an_import_depends_on_it_however_many_steps_there_are() {
        let wasm = wat::parse_str(
            r#"(module (import "env" "i" (global $i i32))
                (global $own i32 (i32.const 1))
                (global $once i32 (global.get $i))
                (global $twice i32 (i32.add (i32.const 3) (global.get $once)))
                (global $not i32 (i32.add (global.get $own) (global.get $own)))
                (memory 1)
                (data (i32.const 0) "") (data (global.get $own) "") (data (global.get $not) "")
                (data (global.get $i) "") (data (i32.sub (i32.const 4) (global.get $twice)) ""))"#,
        );
        let wasm = wasm.unwrap();
        let module = Module::parse(&wasm).unwrap();
        let values = ImportedValues::of(&module);
        let offsets = module.data.iter().map(|data| match &data.kind {
            DataKind::Active { offset_expr, .. } => values.decide(offset_expr),
            DataKind::Passive => false,
        });
        assert_eq!(offsets.collect::<Vec<_>>(), [false, false, false, true, true]);
    }
}
