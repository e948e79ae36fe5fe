//! Constructors that would run a second time, after the snapshot.

use super::code::Code;
use super::difference::Spot;
use super::finding::{Finding, Level};
use super::libc::{Asked, Constructors, Libc, rerunning_exports};
use super::scene::{PLACES, Scene};
use super::symbols::Owner;
use crate::execute::REACTOR_INITIALIZE;

/// How far init is followed to see whether it runs the constructors itself.
const DEPTH: usize = 3;

pub(super) fn findings(
    scene: &Scene<'_>,
    code: &Code,
    libc: &Libc,
    asked: &Asked,
    init_functions: &[String],
    removed: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let constructors = libc.constructors?;
    let exports = rerunning_exports(scene.module, code, constructors, removed);
    if exports.is_empty() {
        return None;
    }
    let ran = init_functions.iter().any(|name| {
        let index = scene.module.export(name).map(|export| export.index);
        name == REACTOR_INITIALIZE || index.is_some_and(|index| code.reaches(index, constructors, DEPTH))
    });
    let names = match exports[..] {
        [one] => format!("the export `{one}` runs"),
        [one, ..] => format!("`{one}` and {} more exports run", exports.len() - 1),
        [] => return None,
    };
    let again = if ran { "a second time" } else { "after init, which has not run them" };
    let (what, places) = match &asked.constructors {
        Constructors::None => return None,
        Constructors::Unknown => ("; what that changes could not be told".to_string(), Vec::new()),
        Constructors::Trapped(cause) => (format!(", which traps: {cause}"), Vec::new()),
        Constructors::Changed(spots) => {
            let matters = |spot: &&Spot| match spot {
                Spot::Memory { memory, range, .. } => scene.owner(*memory, range.start) != Owner::FreeStack,
                _ => true,
            };
            let spots: Vec<Spot> = spots.iter().filter(matters).cloned().collect();
            if spots.is_empty() {
                return None;
            }
            (", which undoes or repeats what init has done".to_string(), scene.places(&spots, |_| false))
        }
    };
    let more = places.len().saturating_sub(PLACES);
    let title = format!("{names} the constructors {again}{what}");
    let advice = match exports.contains(&"_start") {
        true => {
            "snapshot a reactor, or give the program an entry without constructors and -r _start=NAME \
             (PREINIT_INIT_MAIN in preinit.h does so)"
        }
        false => "link as a reactor (-mexec-model=reactor), whose _initialize runs them once",
    };
    let places = places.into_iter().take(PLACES).collect();
    let level = if asked.constructors == Constructors::Unknown { Level::Warning } else { Level::Danger };
    let mut finding = Finding::new(level, "constructors", title).at(places).advise(advice);
    finding.more_places = more;
    Some(finding)
}
