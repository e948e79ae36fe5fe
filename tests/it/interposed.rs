//! Golden tests of functions that answer instead of imports: every `tests/golden/interposed/*.wat` gets, for each imported
//! function, one that passes on to it, and what comes out is compared with the `.snap` beside it.

use preinit::stages::interpose::Interposition;
use preinit::stages::module::Module;
use preinit_testing::case::Case;
use preinit_testing::{Trial, repository};
use wasm_encoder::{Function, Instruction};

/// Each case is a test.
pub fn trials() -> Vec<Trial> {
    let mut files: Vec<_> = std::fs::read_dir(repository().join("tests/golden/interposed"))
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect();
    files.sort();
    let trial = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("interposed::{name}"), move || {
            let case = Case::read(&path);
            case.bless(&interposed(&case.text));
            Ok(())
        })
    };
    files.into_iter().map(trial).collect()
}

/// What becomes of a module, printed.
fn interposed(text: &[u8]) -> String {
    let wasm = wat::parse_bytes(text).unwrap();
    let module = Module::parse(&wasm).unwrap();
    let mut interposition = Interposition::new(&module);
    for function in 0..module.imported.functions {
        let mut body = Function::new([]);
        for parameter in 0..module.signature(function).unwrap().params().len() as u32 {
            body.instruction(&Instruction::LocalGet(parameter));
        }
        body.instruction(&Instruction::Call(function)).instruction(&Instruction::End);
        interposition.replace(function, body).unwrap();
    }
    let made = interposition.finish().unwrap();
    Module::parse(&made.wasm).expect("what was made is valid");
    let dwarf = if made.drops_dwarf { ";; debug information went\n" } else { "" };
    format!("{dwarf}{}", wasmprinter::print_bytes(&made.wasm).unwrap())
}
