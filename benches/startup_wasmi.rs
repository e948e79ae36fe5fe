//! Runs one job of compare.py (JSON, as an argument) in wasmi; prints times and answers as JSON.
//!
//! Clocks advance by a millisecond, all other imports return zero. That is enough for snapshots, whose answers compare.py checks, but not for originals.

mod rows;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;
use wasmi::{Engine, Extern, ExternType, Func, Instance, Module, Store, Val};

#[derive(serde::Deserialize)]
struct Job {
    modules: BTreeMap<String, Input>,
    query: String,
    arguments: Vec<i32>,
    phases: rows::Phases,
    seconds: f64,
}

#[derive(serde::Deserialize)]
struct Input {
    file: String,
}

#[derive(Default, serde::Serialize)]
struct Measured {
    answers: Vec<i32>,
    ms: Vec<f64>,
}

struct Guest {
    /// Holds the time.
    store: Store<u64>,
    instance: Instance,
}

impl Guest {
    fn start(engine: &Engine, module: &Module) -> Guest {
        let mut store = Store::new(engine, 946_684_800_000_000_000);
        let imports: Vec<Extern> = module
            .imports()
            .map(|import| match import.ty() {
                ExternType::Func(ty) if import.name() == "clock_time_get" => {
                    Func::new(&mut store, ty.clone(), |mut caller: wasmi::Caller<'_, u64>, args, results| {
                        let memory = caller.get_export("memory").and_then(Extern::into_memory);
                        let (memory, address) =
                            (memory.expect("a memory"), args[2].i32().expect("an address"));
                        *caller.data_mut() += 1_000_000;
                        let now = caller.data().to_le_bytes();
                        memory.write(&mut caller, address as u32 as usize, &now).expect("inside the memory");
                        results[0] = Val::I32(0);
                        Ok(())
                    })
                    .into()
                }
                ExternType::Func(ty) => Func::new(&mut store, ty.clone(), |_, _, results| {
                    results.iter_mut().for_each(|result| *result = Val::default_for_ty(result.ty()));
                    Ok(())
                })
                .into(),
                other => panic!("an import that is no function: {other:?}"),
            })
            .collect();
        let instance = Instance::new(&mut store, module, &imports).expect("instantiates");
        Guest { store, instance }
    }

    fn call(&mut self, name: &str, argument: i32) -> i32 {
        let function = self.instance.get_typed_func::<i32, i32>(&self.store, name).expect("the query");
        function.call(&mut self.store, argument).expect("an answer")
    }
}

fn main() {
    let Some(job) = std::env::args().skip(1).find(|word| word.starts_with('{')) else {
        return eprintln!("startup_wasmi: compare.py runs this, with a job");
    };
    let job: Job = serde_json::from_str(&job).expect("a job of compare.py");
    let engine = Engine::default();
    let mut modules = BTreeMap::new();
    let mut results: BTreeMap<String, Measured> = BTreeMap::new();
    for (name, file) in job.modules.into_iter().map(|(name, input)| (name, input.file)) {
        let module = Module::new(&engine, std::fs::read(&file).expect(&file)).expect(&file);
        let mut guest = Guest::start(&engine, &module);
        let answers = job.arguments.iter().map(|&argument| guest.call(&job.query, argument)).collect();
        results.insert(name.clone(), Measured { answers, ms: Vec::new() });
        modules.insert(name, module);
    }
    rows::measure(&job.phases, job.seconds, |name| {
        let started = Instant::now();
        Guest::start(&engine, &modules[name]).call(&job.query, job.arguments[0]);
        Ok::<_, Infallible>(started.elapsed())
    })
    .unwrap_or_else(|never| match never {})
    .into_iter()
    .for_each(|(name, ms)| results.entry(name).or_default().ms = ms);
    println!("{}", serde_json::to_string(&results).expect("numbers"));
}
