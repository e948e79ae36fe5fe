//! Tells what a snapshot would freeze of the build.

use anyhow::Context;
use preinit::Options;
use preinit::audit::audit;
use preinit::host::{Output as GuestOutput, Stdin};

use super::args::AuditArgs;
use super::convert;
use super::exit::Exit;
use super::input::Input;
use super::output::{Output, print};
use super::stderr;

/// The command `audit`.
pub fn run(args: AuditArgs) -> anyhow::Result<Exit> {
    let input = Input::new(args.input);
    if input.is_terminal() {
        return Err(convert::usage("no INPUT is given, and standard input is a terminal"));
    }
    let name = input.name();
    let is_page = args.report.as_deref().is_some_and(convert::is_page);
    let report = args.report.as_deref().map(|path| Output::new(Some(path))).transpose()?;
    let ledger = args.ledger.as_deref().map(Output::private).transpose()?;
    convert::spares_input(&input, report.iter().chain(&ledger))?;
    if let (Some(report), Some(ledger)) = (&report, &ledger)
        && report.collides(ledger)
    {
        return Err(convert::usage(&format!("two outputs go to {}", report.name())));
    }
    let mut warnings = Vec::new();
    let inherit = args.host.inherit_stdio == Some(true);
    let mut host = convert::host_options(args.host, true, &mut warnings)?;
    if let Some(wasi) = &mut host.wasi
        && !inherit
    {
        wasi.stdin = Stdin::Empty;
        wasi.stdout = GuestOutput::Discard;
        wasi.stderr = GuestOutput::Discard;
    }
    let options = Options {
        init_functions: args.init_functions,
        at: args.at,
        keep_init: args.keep_init_func,
        renames: args.renames,
        optimize: args.optimize,
        reset_libc: args.reset_libc,
        host,
        limits: convert::limits(&args.limits),
        ..Options::default()
    };
    stderr::warn(if args.quiet { &[] } else { &warnings });
    let wasm = input.read()?;
    let audit = match audit(&wasm, &options) {
        Ok(audit) => audit,
        Err(error) => {
            if let (Some(output), Some(calls)) = (ledger, error.ledger()) {
                let mut lines = Vec::new();
                calls.write_json_lines(&mut lines).context("cannot write the ledger")?;
                output.stage(lines)?.commit()?;
            }
            return Err(error.into());
        }
    };
    stderr::print(&String::from_utf8_lossy(&audit.stdout));
    let to_stdout = |output: &Option<Output>| matches!(output, Some(Output::Stdout));
    let text_to_stderr = to_stdout(&report) || to_stdout(&ledger);
    let mut staged = Vec::new();
    if let Some(output) = report {
        let bytes = match is_page {
            true => audit.page(&name).into_bytes(),
            false => {
                let mut json = serde_json::to_vec_pretty(&audit).context("cannot write the report")?;
                json.push(b'\n');
                json
            }
        };
        staged.push(output.stage(bytes)?);
    }
    if let Some(output) = ledger {
        let mut lines = Vec::new();
        audit.ledger.write_json_lines(&mut lines).context("cannot write the ledger")?;
        staged.push(output.stage(lines)?);
    }
    for staged in staged {
        staged.commit()?;
    }
    let text = audit.text(args.verbose);
    match (args.quiet, text_to_stderr) {
        (true, _) => {}
        (false, true) => stderr::print(&text),
        (false, false) => print(text.as_bytes())?,
    }
    Ok(if args.strict && !audit.is_clean() { Exit::Refused } else { Exit::Done })
}
