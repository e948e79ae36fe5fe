//! Runs the guest's `init` while the crate is built; `main` embeds what comes out.

use preinit::{Preinit, wat_to_wasm};
use std::path::PathBuf;
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=guest.wat");
    let guest = fs::read("guest.wat")?;
    let snapshot = Preinit::new().init_function("init").run(&wat_to_wasm(&guest)?)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("guest.wasm"), &snapshot.wasm)?;
    Ok(())
}
