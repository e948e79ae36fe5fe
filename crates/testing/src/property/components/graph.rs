//! Generated components: definitions in definitions, modules that several instances share by outer aliases, memories, tables and
//! globals that core instances write to each other.

use arbitrary::{Result, Unstructured};
use std::fmt::Write;

/// A component's definition.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Its core instances.
    core: Vec<Core>,
    /// The definitions in it.
    nested: Vec<Graph>,
    /// Instances of these, by number.
    children: Vec<usize>,
    /// Custom sections between the others.
    custom: bool,
}

/// A core instance.
#[derive(Debug, Clone)]
pub enum Core {
    /// Has a memory, a table and globals.
    Owner(Module),
    /// Writes to those of the owner before it; the number chooses which.
    Writer(usize, Module),
}

/// What the module of a core instance is.
#[derive(Debug, Clone)]
pub enum Module {
    /// It stands in the component itself.
    Own(u8),
    /// It is the outermost component's, by an outer alias.
    Shared(u8),
}

/// How many modules of each kind the outermost component has.
const SHARED: u8 = 2;

/// How deep components stand in components.
const DEPTH: usize = 3;

impl Graph {
    /// What the bytes choose; where they end, the smallest.
    pub fn of(bytes: &[u8]) -> Option<Graph> {
        Graph::new(&mut Unstructured::new(bytes)).ok()
    }

    pub(super) fn new(source: &mut Unstructured<'_>) -> Result<Graph> {
        Graph::within(source, DEPTH)
    }

    fn within(source: &mut Unstructured<'_>, depth: usize) -> Result<Graph> {
        let has_nested = depth > 0 && source.ratio(2, 3)?;
        let mut nested = Vec::new();
        let mut children = Vec::new();
        if has_nested {
            for _ in 0..source.int_in_range(1..=2)? {
                nested.push(Graph::within(source, depth - 1)?);
            }
            for _ in 0..source.int_in_range(0..=3)? {
                children.push(source.int_in_range(0..=2)?);
            }
        }
        let fewest = usize::from(!has_nested);
        let mut core = Vec::new();
        for _ in 0..source.int_in_range(fewest..=fewest + 3)? {
            core.push(Core::new(source)?);
        }
        Ok(Graph { core, nested, children, custom: source.arbitrary()? })
    }
}

impl Core {
    fn new(source: &mut Unstructured<'_>) -> Result<Core> {
        let owner = source.arbitrary::<bool>()?.then(|| source.int_in_range(0..=3)).transpose()?;
        let module = match source.arbitrary()? {
            true => Module::Shared(source.int_in_range(0..=SHARED - 1)?),
            false => Module::Own(source.int_in_range(0..=7)?),
        };
        Ok(owner.map_or(Core::Owner(module.clone()), |owner| Core::Writer(owner, module)))
    }
}

/// A component as text, and the names of what it exports: each has a function `step-…` and a function `sum-…`.
pub struct Text {
    pub text: String,
    pub exports: Vec<String>,
}

impl Graph {
    pub fn text(&self) -> Text {
        let mut text = String::from("(component $root\n");
        for k in 0..SHARED {
            text.push_str(&owner_module(&format!("$shared-owner{k}"), k + 20));
            text.push_str(&writer_module(&format!("$shared-writer{k}"), k + 30));
        }
        let exports = self.body(&mut text, 0);
        text.push_str(")\n");
        Text { text, exports }
    }

    /// Everything between the parentheses of a definition.
    fn body(&self, text: &mut String, depth: usize) -> Vec<String> {
        let mut exports = Vec::new();
        if depth > 0 {
            for k in 0..SHARED {
                for kind in ["owner", "writer"] {
                    let name = format!("$shared-{kind}{k}");
                    writeln!(text, "(alias outer $root {name} (core module {name}))").unwrap();
                }
            }
        }
        let mut owners: Vec<usize> = Vec::new();
        for (k, core) in self.core.iter().enumerate() {
            let (kind, module) = match core {
                Core::Writer(_, module) if !owners.is_empty() => ("writer", module),
                Core::Owner(module) | Core::Writer(_, module) => ("owner", module),
            };
            let module = match module {
                Module::Shared(number) => format!("$shared-{kind}{number}"),
                Module::Own(number) => {
                    let name = format!("$module{depth}-{k}");
                    let own = if kind == "owner" { owner_module } else { writer_module };
                    text.push_str(&own(&name, *number));
                    name
                }
            };
            match core {
                Core::Writer(owner, _) if kind == "writer" => {
                    let owner = owners[owner % owners.len()];
                    writeln!(
                        text,
                        "(core instance $i{k} (instantiate {module} (with \"o\" (instance $i{owner}))))"
                    )
                    .unwrap();
                }
                _ => {
                    writeln!(text, "(core instance $i{k} (instantiate {module}))").unwrap();
                    owners.push(k);
                }
            }
            writeln!(text, "(func (export \"step-{k}\") (canon lift (core func $i{k} \"step\")))").unwrap();
            writeln!(text, "(func (export \"sum-{k}\") (result u32) (canon lift (core func $i{k} \"sum\")))")
                .unwrap();
            exports.push(format!("{k}"));
        }
        if self.custom {
            writeln!(text, "(@custom \"mine\" \"{depth}\")").unwrap();
        }
        let mut of_nested = Vec::new();
        for (k, nested) in self.nested.iter().enumerate() {
            writeln!(text, "(component $nested{depth}-{k}").unwrap();
            of_nested.push(nested.body(text, depth + 1));
            text.push_str(")\n");
        }
        for (child, number) in self.children.iter().enumerate() {
            let number = number % self.nested.len().max(1);
            let Some(names) = of_nested.get(number) else { continue };
            writeln!(text, "(instance $child{child} (instantiate $nested{depth}-{number}))").unwrap();
            for name in names {
                for kind in ["step", "sum"] {
                    let export = format!("{kind}-c{child}-{name}");
                    writeln!(text, "(export \"{export}\" (func $child{child} \"{kind}-{name}\"))").unwrap();
                }
                exports.push(format!("c{child}-{name}"));
            }
        }
        exports
    }
}

/// A hash of what a module's own table, memory and globals hold, with the functions in them called.
const SUM: &str = r#"
    (func (export "sum") (result i32) (local $at i32) (local $hash i32)
      (local.set $hash (i32.xor (i32.wrap_i64 (global.get $n)) (memory.size)))
      (loop $words
        (local.set $hash (i32.add (i32.mul (local.get $hash) (i32.const 31)) (i32.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $words (i32.lt_u (local.get $at) (i32.const 256))))
      (local.set $at (i32.const 0))
      (block $done
        (loop $slots
          (br_if $done (i32.ge_u (local.get $at) (table.size $t)))
          (local.set $hash (i32.mul (local.get $hash) (i32.const 31)))
          (if (i32.eqz (ref.is_null (table.get $t (local.get $at))))
            (then (local.set $hash (i32.add (local.get $hash) (call_indirect $t (result i32) (local.get $at))))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $slots)))
      (table.set $scratch (i32.const 0) (global.get $f))
      (if (i32.eqz (ref.is_null (global.get $f)))
        (then (local.set $hash (i32.add (i32.mul (local.get $hash) (i32.const 31))
          (call_indirect $scratch (result i32) (i32.const 0))))))
      (local.get $hash))
"#;

fn owner_module(name: &str, number: u8) -> String {
    let start = if number.is_multiple_of(2) { "(start $start)" } else { "" };
    format!(
        r#"(core module {name}
    (memory (export "m") 1 3)
    (table $t (export "t") 4 9 funcref)
    (table $scratch 1 funcref)
    (global $n (export "n") (mut i64) (i64.const {number}))
    (global $f (export "f") (mut funcref) (ref.null func))
    (global $v (mut v128) (v128.const i64x2 {number} 1))
    (data (i32.const 8) "owner{number}")
    (data $passive "passive")
    (func $a (result i32) (i32.add (i32.const {number}) (i32.wrap_i64 (global.get $n))))
    (func $b (result i32) (i32.const 7{number}))
    (elem (i32.const 0) func $a)
    (elem declare func $b)
    (func $start (global.set $n (i64.add (global.get $n) (i64.const 100))))
    {start}
    (func (export "step")
      (global.set $v (i64x2.add (global.get $v) (i64x2.splat (global.get $n))))
      (global.set $n (i64.add (global.get $n) (i64x2.extract_lane 0 (global.get $v))))
      (i32.store (i32.const 32) (i32.wrap_i64 (global.get $n)))
      (if (i64.eqz (i64.and (global.get $n) (i64.const 1)))
        (then
          (memory.init $passive (i32.const 48) (i32.const 0) (i32.const 7))
          (table.set $t (i32.const 1) (ref.func $b)))
        (else
          (drop (memory.grow (i32.const 1)))
          (table.set $t (i32.const 1) (table.get $t (i32.const 2))))))
    {SUM})
"#
    )
}

fn writer_module(name: &str, number: u8) -> String {
    let slot = number % 4;
    let active = if number.is_multiple_of(3) { "(elem (table $t) (i32.const 3) func $y)" } else { "" };
    let set_global = if number.is_multiple_of(2) { "(global.set $f (ref.func $x))" } else { "" };
    let grow = if number % 5 < 2 { "(drop (table.grow $t (ref.func $y) (i32.const 1)))" } else { "" };
    format!(
        r#"(core module {name}
    (import "o" "m" (memory 1))
    (import "o" "t" (table $t 4 funcref))
    (import "o" "n" (global $n (mut i64)))
    (import "o" "f" (global $f (mut funcref)))
    (table $scratch 1 funcref)
    (global $calls (mut i32) (i32.const 0))
    (data (i32.const {data}) "writer{number}")
    (func $x (result i32) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (global.get $calls))
    (func $y (result i32) (i32.const 9{number}))
    (elem declare func $x $y)
    {active}
    (func (export "step")
      (i32.store (i32.const 80) (i32.add (i32.load (i32.const 80)) (i32.const {number})))
      (global.set $n (i64.mul (global.get $n) (i64.const 3)))
      (table.set $t (i32.const {slot}) (ref.func $x))
      {set_global}
      {grow})
    {SUM})
"#,
        data = 96 + 16 * u32::from(number % 8),
    )
}
