//! Generated components. For each:
//!
//! 1. init functions are called, in any order: the snapshot is the same each time;
//! 2. the snapshot and the original after init answer the same, before and after more has happened;
//! 3. so does a snapshot that was made in two steps;
//! 4. the component in which all handles have other numbers behaves as the original.

mod graph;

pub use graph::{Graph, Text};

use arbitrary::Unstructured;
use preinit::Preinit;
use preinit::stages::component::Component;
use wasmtime::component::{Instance, Linker, Val};
use wasmtime::{Engine, Store};

/// The body: a component made of `bytes`. Whether it had an init function. Panics if a property does not hold.
pub fn check(bytes: &[u8]) -> arbitrary::Result<bool> {
    let mut source = Unstructured::new(bytes);
    let graph = Graph::new(&mut source)?;
    let mut steps = |from: usize, to: usize| -> arbitrary::Result<Vec<usize>> {
        (0..source.int_in_range(from..=to)?).map(|_| source.int_in_range(0..=39)).collect()
    };
    let (init, later) = (steps(1, 5)?, steps(0, 3)?);
    Ok(behaves(&graph, &init, &later))
}

/// `init` and `later` are what is called, as numbers that choose an export.
fn behaves(graph: &Graph, init: &[usize], later: &[usize]) -> bool {
    let made = graph.text();
    let original = wat::parse_str(&made.text).unwrap();
    let init = chosen(&made.exports, init);
    if init.is_empty() {
        return false;
    }
    let make = |wasm: &[u8], init: &[String]| {
        let mut preinit = Preinit::new().keep_init_functions(true);
        for name in init {
            preinit = preinit.init_function(name);
        }
        let output = preinit.run(wasm);
        output.unwrap_or_else(|error| panic!("refused: {error}\n{}", made.text)).wasm
    };
    let snapshot = make(&original, &init);
    assert!(snapshot == make(&original, &init), "a second run gives other bytes\n{}", made.text);

    let moved = Component::parse(&original).unwrap().with_taken_handles(&[], 3).unwrap();
    let mut sides = [&original, &snapshot, &moved].map(|wasm| Side::start(wasm));
    for name in &init {
        sides[0].call(name);
        sides[2].call(name);
    }
    let answers = sides.each_mut().map(|side| {
        let mut answers = side.sums(&made.exports);
        chosen(&made.exports, later).iter().for_each(|name| drop(side.call(name)));
        answers.extend(side.sums(&made.exports));
        answers
    });
    let [expected, found, moved] = answers;
    assert_eq!(found, expected, "{}", made.text);
    assert_eq!(moved, expected, "with other numbers of handles: {}", made.text);

    // In two steps as in one: a snapshot is a component like any other.
    let (first, second) = init.split_at(init.len() / 2);
    if !first.is_empty() {
        let twice = make(&make(&original, first), second);
        let [expected, found] = [&snapshot, &twice].map(|wasm| Side::start(wasm).sums(&made.exports));
        assert_eq!(found, expected, "a snapshot of a snapshot of {}", made.text);
    }
    true
}

fn chosen(exports: &[String], steps: &[usize]) -> Vec<String> {
    if exports.is_empty() {
        return Vec::new();
    }
    steps.iter().map(|step| format!("step-{}", exports[step % exports.len()])).collect()
}

/// A component that runs, in an engine that knows nothing of preinit.
struct Side {
    store: Store<()>,
    instance: Instance,
}

impl Side {
    fn start(wasm: &[u8]) -> Side {
        let engine = Engine::default();
        let component = wasmtime::component::Component::from_binary(&engine, wasm).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        Side { store, instance }
    }

    /// The result as text; `trap` for any trap.
    fn call(&mut self, name: &str) -> String {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let mut results = vec![Val::Bool(false); function.ty(&self.store).results().len()];
        match function.call(&mut self.store, &[], &mut results) {
            Ok(()) => format!("{results:?}"),
            Err(_) => "trap".to_string(),
        }
    }

    fn sums(&mut self, exports: &[String]) -> Vec<String> {
        exports.iter().map(|export| format!("{export} = {}", self.call(&format!("sum-{export}")))).collect()
    }
}
