//! Custom sections do not affect what an engine does with a module, but other tools and some run times read them. What differs
//! is said. Where a run time acts upon it, or it is not known that nobody does, nobody can tell what an instance will be.

use preinit_core::component::Component;
use preinit_core::module::Module;
use preinit_core::printable::Printable;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Sections that are named.
const NAMED: usize = 20;

/// Of a core module, such a section is refused.
const MACHINE_CODE: &str = "what a host runs instead of its functions";

/// How the names of sections begin that decide what is around an instance or put into it, and who reads them.
const ACTED_UPON: [(&str, &str); 17] = [
    ("preinit.", "what JavaScript puts into an instance; `verify` of `preinit/js` compares it"),
    ("dylink", "where a dynamic loader puts the module, and with what"),
    ("component-type", "the imports and exports of the component that is made of it"),
    ("component-encoding", "how a component is made of it"),
    ("__wasm_bindgen", "the JavaScript that wasm-bindgen makes for it"),
    ("contract", "what a host for contracts does with it"),
    ("cw_", "what a host for CosmWasm contracts does with it"),
    ("icp:", "what a host for canisters does with it"),
    ("runtime_", "what a host for Substrate does with it"),
    ("io.kubewarden.", "what a policy server does with it"),
    ("zed:", "what an editor does with it"),
    ("jwt", "what a host for wasmCloud lets it do"),
    ("interface-types", "what a host with interface types takes and gives"),
    ("teavm.", "what TeaVM's JavaScript loads for it"),
    ("wasmedge", MACHINE_CODE),
    ("wamr-aot", MACHINE_CODE),
    ("precompiled_", MACHINE_CODE),
];

/// Names of sections that only people, debuggers and registries read: what instances do is the same with others.
const HARMLESS: [&str; 18] = [
    "name",
    "producers",
    "target_features",
    "build_id",
    "sourceMappingURL",
    "external_debug_info",
    "signature",
    "signature_delimiter",
    "component-name",
    "package-docs",
    "registry-metadata",
    "authors",
    "description",
    "homepage",
    "licenses",
    "revision",
    "source",
    "version",
];

/// How names of more such sections begin: debugging information, hints for compilers.
const HARMLESS_BEGINNINGS: [&str; 2] = [".debug_", "metadata.code."];

fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name) || HARMLESS_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// Whether what has such a key is left out by the user.
pub(super) type Ignored<'i> = &'i dyn Fn(&str) -> bool;

/// What came of comparing custom sections.
#[derive(Debug)]
pub(super) struct Comparison {
    /// What is not compared of them.
    pub not_compared: String,
    /// Why nobody can tell what instances will be.
    pub undecided: Vec<String>,
}

/// The sections of one side: what they belong to, if that has to be said, their names, and what they hold.
type Sections<'m> = Vec<(Rc<str>, &'m str, &'m [u8])>;

/// Compares them by name.
pub(super) fn compare(original: &Module<'_>, snapshot: &Module<'_>, ignored: Ignored<'_>) -> Comparison {
    let no_place: Rc<str> = "".into();
    let what =
        "custom sections (names, debug information), which do not affect what an engine does with a module";
    compare_sections(what, (sections_in(original, &no_place), sections_in(snapshot, &no_place)), ignored)
}

/// Compares those of two components themselves, of components in them, and of all core modules but those that others look at.
pub(super) fn compare_components(
    expected: &Component<'_>,
    snapshot: &Component<'_>,
    left_out: &BTreeSet<usize>,
    ignored: Ignored<'_>,
) -> Comparison {
    let what = "custom sections of the component (names, producers), which do not affect what it does";
    let sections = (sections_of((expected, expected), left_out), sections_of((snapshot, expected), left_out));
    compare_sections(what, sections, ignored)
}

/// The sections of a component. `names` has the names of its core modules.
fn sections_of<'m>(
    (component, names): (&Component<'m>, &Component<'_>),
    left_out: &BTreeSet<usize>,
) -> Sections<'m> {
    let of = |path: &str| if path == "/" { String::new() } else { format!(" in component {path}") };
    let own = component.custom_sections().into_iter();
    let own = own.map(|section| (of(&section.component).into(), section.name, section.payload));
    let mut sections: Sections<'m> = own.collect();
    let modules = component.modules().iter().enumerate();
    for (number, part) in modules.filter(|(number, _)| !left_out.contains(number)) {
        let Ok(module) = Module::read_valid(part.bytes) else { continue };
        sections.extend(sections_in(&module, &format!(" in {}", names.module_name(number)).into()));
    }
    sections
}

fn sections_in<'m>(module: &Module<'m>, of: &Rc<str>) -> Sections<'m> {
    let custom = module.sections.iter().filter_map(|section| section.custom);
    custom.map(|(name, payload)| (Rc::clone(of), name, payload)).collect()
}

fn compare_sections(
    what: &str,
    (original, snapshot): (Sections<'_>, Sections<'_>),
    ignored: Ignored<'_>,
) -> Comparison {
    let (counted, mut others): (Vec<_>, Vec<_>) = differing(original, snapshot)
        .into_iter()
        .partition(|(name, _)| !is_harmless(name) && !ignored(&format!("custom.{name}")));
    let (mut named, unknown): (Vec<_>, Vec<_>) =
        counted.into_iter().partition(|(name, _)| decides(name).is_some());
    let undecided = ACTED_UPON.iter().filter_map(|(start, what)| {
        let mut of_kind = named.iter().filter(|(name, _)| name.starts_with(start));
        let (name, how) = of_kind.next()?;
        let more = match of_kind.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("the custom section `{}` ({how}){more} decides {what}", Printable(name)))
    });
    let mut undecided: Vec<String> = undecided.collect();
    if let Some(names) = listed(&unknown) {
        let section = if unknown.len() == 1 { "section" } else { "sections" };
        undecided.push(format!("what hosts do with the custom {section} {names} is not known"));
    }
    named.extend(unknown);
    named.append(&mut others);
    let not_compared = describe(what, &named);
    Comparison { not_compared, undecided }
}

/// What a section of this name decides, if a run time acts upon it.
fn decides(name: &str) -> Option<&'static str> {
    ACTED_UPON.iter().find(|(start, _)| name.starts_with(start)).map(|(_, what)| *what)
}

fn describe(what: &str, differing: &[(&str, String)]) -> String {
    match listed(differing) {
        Some(names) => format!("{what}; these differ: {names}"),
        None => what.to_string(),
    }
}

/// Names, and how they differ; `None` if there are none.
fn listed(differing: &[(&str, String)]) -> Option<String> {
    let mut named: Vec<String> =
        differing.iter().take(NAMED).map(|(name, how)| format!("`{}` ({how})", Printable(name))).collect();
    if let more @ 1.. = differing.len().saturating_sub(NAMED) {
        named.push(format!("{more} more"));
    }
    (!named.is_empty()).then(|| named.join(", "))
}

/// Names of sections, in order, and how they differ.
fn differing<'m>(original: Sections<'m>, snapshot: Sections<'m>) -> Vec<(&'m str, String)> {
    /// What sections of one name hold, on each side.
    type Payloads<'m> = [Vec<&'m [u8]>; 2];
    let mut by_name: BTreeMap<(&str, Rc<str>), Payloads<'m>> = BTreeMap::new();
    for (side, sections) in [original, snapshot].into_iter().enumerate() {
        for (of, name, payload) in sections {
            by_name.entry((name, of)).or_default()[side].push(payload);
        }
    }
    let different = by_name.into_iter().filter(|(_, [original, snapshot])| original != snapshot);
    let described = different.map(|((name, of), [original, snapshot])| {
        let how = match (original.is_empty(), snapshot.is_empty()) {
            (false, true) => "missing",
            (true, false) => "added",
            _ => "changed",
        };
        (name, format!("{how}{of}"))
    });
    described.collect()
}
