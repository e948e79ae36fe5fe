//! The page of HTML in a real browser: Chromium.

use preinit::audit::audit;
use preinit::host::{HostOptions, Output, WasiOptions};
use preinit::{Options, Preinit};
use preinit_testing::{chromium, test_program};
use std::process::Command;

/// What the browser has made of a page, after `script` ran in it.
fn shown(page: &str, script: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    std::fs::write(&file, page.replace("</body>", &format!("<script>{script}</script></body>"))).unwrap();
    let mut command = Command::new(chromium());
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", directory.path().join("profile").display()));
    let output = command.arg(format!("file://{}", file.display())).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn options() -> Options {
    let wasi = WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..WasiOptions::default() };
    Options {
        init_functions: vec!["keeps_hash_keys".into()],
        host: HostOptions { wasi: Some(wasi), ledger_backtraces: true, ..HostOptions::default() },
        maps: true,
        ..Options::default()
    }
}

/// Counts the colors of the picture, and points at the middle of the cell that holds the variable.
const LOOK: &str = r#"
    const canvas = document.querySelector("canvas"), map = data.maps[0];
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colors = new Set();
    for (let at = 0; at < pixels.length; at += 4) colors.add(pixels.slice(at, at + 3).join());
    const index = map.owners.findIndex(owner => owner.includes("rust_sins::INDEX"));
    const cell = map.owner.indexOf(index), box = canvas.getBoundingClientRect();
    const rows = Math.ceil(map.filled.length / 256);
    const point = { clientX: box.left + (cell % 256 + .5) / 256 * box.width, clientY: box.top + (Math.floor(cell / 256) + .5) / rows * box.height };
    canvas.dispatchEvent(new MouseEvent("mousemove", point));
    const result = document.createElement("output");
    result.textContent = "colors=" + colors.size + " tip=" + tip.textContent;
    document.body.append(result);
"#;

#[test(needs(Chromium))]
fn the_page_in_a_browser() {
    let wasm = test_program("sins/rust-sins.wasm");
    let audit = audit(&wasm, &options()).unwrap();
    let page = shown(&audit.page("rust-sins.wasm"), LOOK);
    let (_, result) = page.split_once("<output>").unwrap_or_else(|| panic!("the script did not run: {page}"));
    let (result, _) = result.split_once("</output>").unwrap();
    assert!(result.contains("rust_sins::INDEX") && result.contains("depends on random numbers"), "{result}");
    let colors: usize = result["colors=".len()..].split(' ').next().unwrap().parse().unwrap();
    assert!(colors >= 4, "{result}");
    assert!(page.contains("of `rust_sins::INDEX` depend on random numbers</p>"), "the finding is there");
    assert!(page.contains("<summary>all calls</summary>"), "the calls are there");
    for stage in ["parse", "compile", "init", "capture", "other runs", "search"] {
        assert!(page.contains(&format!("</span>{stage}</td>")), "{stage}");
    }

    let output = Preinit::from(options()).run(&wasm).unwrap();
    let page = shown(&output.page("rust-sins.wasm"), LOOK);
    assert!(page.contains("tip=0x") && page.contains("changed by init"), "{page}");
    assert!(page.contains("init read 16 random bytes"), "the warning is there");
}
