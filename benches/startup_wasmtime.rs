//! Runs one job of compare.py (JSON, as an argument) in Wasmtime as a server written in Rust would; prints times and answers as JSON.

mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;
use wasmtime::{Engine, Instance, InstancePre, Linker, Module, Store};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

#[derive(serde::Deserialize)]
struct Job {
    modules: BTreeMap<String, Input>,
    query: String,
    arguments: Vec<i32>,
    /// The guest's name of a directory, and the host's.
    dirs: BTreeMap<String, PathBuf>,
    phases: rows::Phases,
    seconds: f64,
}

#[derive(serde::Deserialize)]
struct Input {
    file: PathBuf,
    calls: Vec<String>,
}

#[derive(Default, serde::Serialize)]
struct Measured {
    answers: Vec<i32>,
    ms: Vec<f64>,
}

struct Program {
    ready: InstancePre<WasiP1Ctx>,
    calls: Vec<String>,
}

struct Guest {
    store: Store<WasiP1Ctx>,
    instance: Instance,
}

impl Guest {
    fn start(program: &Program, dirs: &BTreeMap<String, PathBuf>) -> wasmtime::Result<Guest> {
        let mut wasi = WasiCtxBuilder::new();
        for (guest, host) in dirs {
            wasi.preopened_dir(host, guest, FsPerms::ReadOnly)?;
        }
        let mut store = Store::new(program.ready.module().engine(), wasi.build_p1());
        let instance = program.ready.instantiate(&mut store)?;
        for name in &program.calls {
            if let Some(function) = instance.get_func(&mut store, name) {
                function.call(&mut store, &[], &mut [])?;
            }
        }
        Ok(Guest { store, instance })
    }

    fn call(&mut self, name: &str, argument: i32) -> wasmtime::Result<i32> {
        let function = self.instance.get_typed_func::<i32, i32>(&mut self.store, name)?;
        function.call(&mut self.store, argument)
    }
}

fn main() -> wasmtime::Result<()> {
    let Some(words) = std::env::args().skip(1).find(|word| word.starts_with('{')) else {
        eprintln!("startup_wasmtime: compare.py runs this, with a job");
        return Ok(());
    };
    let job: Job = serde_json::from_str(&words).expect("a job of compare.py");
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |wasi| wasi)?;
    let mut programs = BTreeMap::new();
    let mut results: BTreeMap<String, Measured> = BTreeMap::new();
    for (name, Input { file, calls }) in job.modules {
        let program = Program { ready: linker.instantiate_pre(&Module::from_file(&engine, file)?)?, calls };
        let mut guest = Guest::start(&program, &job.dirs)?;
        let answers = job.arguments.iter().map(|&argument| guest.call(&job.query, argument));
        results
            .insert(name.clone(), Measured { answers: answers.collect::<Result<_, _>>()?, ms: Vec::new() });
        programs.insert(name, program);
    }
    let measured = rows::measure(&job.phases, job.seconds, |name| {
        let started = Instant::now();
        let mut guest = Guest::start(&programs[name], &job.dirs)?;
        guest.call(&job.query, job.arguments[0])?;
        Ok::<_, wasmtime::Error>(started.elapsed())
    })?;
    measured.into_iter().for_each(|(name, ms)| results.entry(name).or_default().ms = ms);
    println!("{}", serde_json::to_string(&results).expect("numbers"));
    Ok(())
}
