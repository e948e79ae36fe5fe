//! Runs one job of compare.py (JSON, as an argument) in wasmi; prints times and answers as JSON.
//!
//! Clocks advance by a millisecond, all other imports return zero. That is enough for snapshots, whose answers compare.py checks; an original, which needs its
//! imports for init, is left out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wasmi::{Engine, Extern, ExternType, Func, Instance, Module, Store, Val};

#[derive(serde::Deserialize)]
struct Job {
    modules: BTreeMap<String, Input>,
    query: String,
    arguments: Vec<i32>,
    seconds: f64,
}

#[derive(serde::Deserialize)]
struct Input {
    file: String,
    calls: Vec<String>,
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
    let mut modules = Vec::new();
    let mut results: BTreeMap<String, Measured> = BTreeMap::new();
    for (name, input) in job.modules.into_iter().filter(|(_, input)| input.calls.is_empty()) {
        let module = Module::new(&engine, std::fs::read(&input.file).expect(&input.file)).expect(&input.file);
        let mut guest = Guest::start(&engine, &module);
        let answers = job.arguments.iter().map(|&argument| guest.call(&job.query, argument)).collect();
        results.insert(name.clone(), Measured { answers, ms: Vec::new() });
        modules.push((name, module));
    }
    let end = Instant::now() + Duration::from_secs_f64(job.seconds / 2.0);
    while Instant::now() < end {
        for (name, module) in &modules {
            let started = Instant::now();
            Guest::start(&engine, module).call(&job.query, job.arguments[0]);
            let took = started.elapsed().as_secs_f64() * 1e3;
            results.entry(name.clone()).or_default().ms.push(took);
        }
        modules.reverse();
    }
    println!("{}", serde_json::to_string(&results).expect("numbers"));
}
