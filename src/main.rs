//! The `preinit` command.
use std::process::ExitCode;
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let wasm = std::fs::read(&args[1]).unwrap();
    let mut p = preinit::Preinit::new().allow_wasi(true);
    for f in &args[3..] {
        p = p.init_func(f.clone());
    }
    match p.run(&preinit::wat_to_wasm(&wasm).unwrap()) {
        Ok(o) => {
            std::fs::write(&args[2], &o.wasm).unwrap();
            eprintln!("{:#?}", o.report);
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}
