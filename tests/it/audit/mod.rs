//! The audit of init functions that freeze what they should not, of clean ones, and of real programs.

mod findings;
mod plain;
mod real;
mod runs;
mod secret_files;
mod sources;
mod stubs;

use preinit::Options;
use preinit::audit::{Audit, Finding, Level, audit};
use preinit::host::{Access, Directory, HostOptions, Output, WasiOptions};
use preinit_testing::{repository, test_program as read};

const SECRET: &str = "hunter2-hunter2-hunter2";

fn quiet() -> WasiOptions {
    WasiOptions { stdout: Output::Discard, stderr: Output::Discard, ..WasiOptions::default() }
}

fn with_secret() -> WasiOptions {
    WasiOptions { env: vec![("API_KEY".into(), SECRET.into())], ..quiet() }
}

fn with_data(wasi: WasiOptions) -> WasiOptions {
    let data = Directory {
        guest: "/data".into(),
        host: repository().join("test-programs/data"),
        access: Access::ReadOnly,
    };
    WasiOptions { dirs: vec![data], ..wasi }
}

fn options(init: &str, wasi: WasiOptions) -> Options {
    Options {
        init_functions: (!init.is_empty()).then(|| init.to_string()).into_iter().collect(),
        host: HostOptions { wasi: Some(wasi), ..HostOptions::default() },
        ..Options::default()
    }
}

fn audited(file: &str, init: &str, wasi: WasiOptions) -> Audit {
    audit(&read(file), &options(init, wasi)).unwrap_or_else(|error| panic!("{file} {init}: {error}"))
}

/// The finding with this key. All accusations must have one of `keys`.
#[track_caller]
fn only<'a>(audit: &'a Audit, keys: &[&str]) -> &'a Finding {
    for finding in audit.findings.iter().filter(|finding| finding.level < Level::Note) {
        assert!(keys.contains(&finding.key.as_str()), "unexpected {}: {}", finding.key, audit.text(true));
    }
    let found = audit.findings.iter().find(|finding| finding.key == keys[0]);
    found.unwrap_or_else(|| panic!("no {}: {}", keys[0], audit.text(true)))
}

#[track_caller]
fn owner(finding: &Finding, expected: &str) {
    let owners: Vec<&str> = finding.locations.iter().map(|place| place.owner.as_str()).collect();
    assert!(owners.contains(&expected), "{owners:?}");
}

#[track_caller]
fn called_by(finding: &Finding, import: &str, function: &str) {
    let found = finding.sites.iter().any(|site| {
        site.import.ends_with(import) && site.backtrace.iter().any(|frame| frame.contains(function))
    });
    assert!(found, "{:?}", finding.sites);
}
