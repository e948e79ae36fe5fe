//! Random object graphs: types with random fields (mutable or not, nullable or not, of every storage type), objects made
//! of what was made before, then mutable fields pointed anywhere, so that there are cycles of every kind. The snapshot
//! must hold the same graph: the verifier compares both instances object by object.

use preinit::Preinit;
use preinit::stages::engine::Compiler;
use preinit::verify::{Outcome, VerifyOptions, verify};
use std::fmt::Write;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Scalar(&'static str),
    /// To a type, nullable or not.
    Ref(usize, bool),
    /// To anything comparable, nullable or not.
    Eq(bool),
    Extern,
    Numbers,
}

const SCALARS: [&str; 6] = ["i8", "i16", "i32", "i64", "f32", "f64"];

/// What a module is made of.
struct Graph {
    /// The fields of each type, and whether they are mutable. Type 0 is above all others, so that any object fits where
    /// it is wanted.
    fields: Vec<Vec<(Kind, bool)>>,
    /// The type of each object.
    of: Vec<usize>,
}

/// A module whose init leaves a random graph.
fn module(dice: &mut Dice) -> String {
    let types = 2 + dice.below(5);
    let objects = 4 + dice.below(60);
    let fields = fields(types, dice);
    let mut text = String::from("(module (rec (type $numbers (array (mut i16)))");
    declare(&fields, &mut text);
    write!(text, ")\n(table $pool {objects} eqref)\n(func (export \"init\")").unwrap();
    // The first objects are one of each type, so that there is something to point to.
    let of = (0..objects).map(|at| if at < types { at } else { dice.below(types) }).collect();
    let graph = Graph { fields, of };
    graph.make(&mut text, dice);
    graph.point_anywhere(&mut text, dice);
    // What only others point to.
    for at in 0..objects {
        if dice.below(3) == 0 {
            write!(text, "\n  (table.set $pool (i32.const {at}) (ref.null eq))").unwrap();
        }
    }
    text.push_str("))");
    text
}

fn fields(types: usize, dice: &mut Dice) -> Vec<Vec<(Kind, bool)>> {
    let mut fields = vec![vec![(Kind::Scalar("i32"), true)]];
    for ty in 1..types {
        let mut own = vec![(Kind::Scalar("i32"), true)];
        for _ in 0..dice.below(6) {
            let kind = match dice.below(8) {
                0..=1 => Kind::Scalar(SCALARS[dice.below(SCALARS.len())]),
                2..=3 => Kind::Ref(dice.below(ty + 1), true),
                4 => Kind::Ref(dice.below(ty), false),
                5 => Kind::Eq(dice.flip()),
                6 => Kind::Extern,
                _ => Kind::Numbers,
            };
            own.push((kind, dice.flip()));
        }
        fields.push(own);
    }
    fields
}

fn declare(fields: &[Vec<(Kind, bool)>], text: &mut String) {
    for (ty, fields) in fields.iter().enumerate() {
        let above = if ty == 0 { "" } else { "$t0 " };
        write!(text, "\n  (type $t{ty} (sub {above}(struct").unwrap();
        for (kind, mutable) in fields {
            let storage = match kind {
                Kind::Scalar(ty) => ty.to_string(),
                Kind::Ref(to, nullable) => format!("(ref {}$t{to})", if *nullable { "null " } else { "" }),
                Kind::Eq(nullable) => format!("(ref {}eq)", if *nullable { "null " } else { "" }),
                Kind::Extern => "externref".to_string(),
                Kind::Numbers => "(ref $numbers)".to_string(),
            };
            match mutable {
                true => write!(text, " (field (mut {storage}))").unwrap(),
                false => write!(text, " (field {storage})").unwrap(),
            }
        }
        text.push_str(")))");
    }
}

impl Graph {
    fn make(&self, text: &mut String, dice: &mut Dice) {
        for (at, &ty) in self.of.iter().enumerate() {
            write!(text, "\n  (table.set $pool (i32.const {at}) (struct.new $t{ty}").unwrap();
            for &(kind, _) in &self.fields[ty] {
                write!(text, " {}", self.value(kind, at, dice)).unwrap();
            }
            text.push_str("))");
        }
    }

    fn point_anywhere(&self, text: &mut String, dice: &mut Dice) {
        for (at, &ty) in self.of.iter().enumerate() {
            for (field, &(kind, mutable)) in self.fields[ty].iter().enumerate() {
                if mutable && dice.below(3) > 0 {
                    let value = self.value(kind, self.of.len(), dice);
                    let object = format!("(ref.cast (ref $t{ty}) (table.get $pool (i32.const {at})))");
                    write!(text, "\n  (struct.set $t{ty} {field} {object} {value})").unwrap();
                }
            }
        }
    }

    /// Code for a value, which may be one of the objects that were `made`.
    fn value(&self, kind: Kind, made: usize, dice: &mut Dice) -> String {
        match kind {
            Kind::Scalar(ty @ ("i64" | "f32" | "f64")) => format!("({ty}.const {})", dice.below(1000)),
            Kind::Scalar(_) => format!("(i32.const {})", dice.below(70_000)),
            Kind::Ref(to, nullable) => match self.object_of(to, made, dice) {
                Some(object) if !nullable || dice.below(4) > 0 => object,
                _ => format!("(ref.null $t{to})"),
            },
            Kind::Eq(nullable) => match (dice.below(3), made) {
                (0, _) if nullable => "(ref.null eq)".to_string(),
                (0 | 1, _) | (_, 0) => format!("(ref.i31 (i32.const {}))", dice.below(9)),
                _ => format!("(ref.as_non_null (table.get $pool (i32.const {})))", dice.below(made)),
            },
            Kind::Extern if made == 0 => "(ref.null extern)".to_string(),
            Kind::Extern => {
                format!("(extern.convert_any (table.get $pool (i32.const {})))", dice.below(made))
            }
            Kind::Numbers => {
                format!("(array.new $numbers (i32.const {}) (i32.const {}))", dice.below(3), dice.below(90))
            }
        }
    }

    fn object_of(&self, ty: usize, made: usize, dice: &mut Dice) -> Option<String> {
        let fitting: Vec<usize> = (0..made).filter(|&at| self.of[at] == ty || ty == 0).collect();
        (!fitting.is_empty()).then(|| {
            let at = fitting[dice.below(fitting.len())];
            format!("(ref.cast (ref $t{ty}) (table.get $pool (i32.const {at})))")
        })
    }
}

#[test]
fn random_object_graphs_come_back() {
    let options = VerifyOptions {
        sequences: 0,
        init_functions: vec!["init".to_string()],
        engines: vec![Compiler::Cranelift],
        ..VerifyOptions::default()
    };
    let (mut objects, mut fills) = (0, 0);
    for seed in 0..40 {
        let text = module(&mut Dice(seed));
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let output =
            Preinit::new().init_function("init").run(&wasm).unwrap_or_else(|error| panic!("{error}\n{text}"));
        objects += output.report.heap.objects;
        fills += u64::from(output.report.heap.runs > output.report.heap.types.len() as u64);
        let verdict = verify(&wasm, &output.wasm, &options).unwrap();
        assert_eq!(verdict.outcome, Outcome::Equal, "seed {seed}: {verdict}\n{text}");
        assert_eq!(verdict.coverage.state.objects, output.report.heap.objects, "seed {seed}");
    }
    assert!(objects > 500 && fills > 5, "{objects} objects, {fills} with cycles: too tame");
}
