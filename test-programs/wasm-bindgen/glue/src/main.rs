//! What the command `wasm-bindgen` does, from its library: glue MODULE.wasm FOLDER externref|numbers nodejs|web|bundler
//!
//! `numbers` is how older versions give values of JavaScript to a module, and newer ones where it has no reference types.

use std::env;
use std::error::Error;
use std::fs;

use wasm_bindgen_cli_support::Bindgen;

const REFERENCES: &[u8] = b"+\x0freference-types";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [module, folder, values, environment] = arguments.as_slice() else {
        return Err("glue MODULE.wasm FOLDER externref|numbers nodejs|web|bundler".into());
    };
    let mut bytes = fs::read(module)?;
    if values == "numbers" {
        // The standard library may say that it has them.
        let said = bytes.windows(REFERENCES.len()).rposition(|name| name == REFERENCES);
        said.into_iter().for_each(|at| bytes[at] = b'-');
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_bytes("words", bytes).remove_name_section(true).omit_default_module_path(false);
    match environment.as_str() {
        "nodejs" => bindgen.nodejs(true)?,
        "web" => bindgen.web(true)?,
        _ => bindgen.bundler(true)?,
    };
    bindgen.generate(folder)?;
    Ok(())
}
