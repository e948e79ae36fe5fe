//! What becomes of the handles that are alive after init: none survives, so nobody may hold one, apart from an adapter that takes
//! its own anew.

use super::adapter::{STREAMS, can_take_handles};
use super::execution::Executed;
use super::freezing::Resumed;
use super::held_handles::held_handles;
use super::part::name;
use super::states::{Captured, States};
use super::{ComponentRunError, LiveHandles};
use crate::freeze::HeldResources;
use crate::warning::Warning;
use serde::Serialize;
use std::fmt;

/// What is said of a task that waits for what does not come.
const GOES_ON: &str = "init has returned and goes on: a task or a thread of it has not ended, and an instance of the snapshot would not \
                       have it";

/// What becomes of handles that are alive after init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandlesFate {
    /// There are none.
    None,
    /// The adapter from WASI preview 1 takes them anew in each instance. Others that are alive are held nowhere.
    TakenAnew,
    /// Nothing in the state depends on one.
    HeldNowhere,
    /// They are held, and an instance has none of them: [`crate::Options::allow_live_handles`].
    Missing,
}

/// The handles of all component instances after init.
///
/// No example: a field of the report of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HandlesReport {
    /// How many are alive.
    pub alive: usize,
    /// What becomes of them.
    pub fate: HandlesFate,
}

impl fmt::Display for HandlesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} alive after init", self.alive)?;
        f.write_str(match self.fate {
            HandlesFate::None => "",
            HandlesFate::TakenAnew => ", which the adapter from WASI preview 1 takes anew",
            HandlesFate::HeldNowhere => " and held nowhere",
            HandlesFate::Missing => ", which instances do not have",
        })
    }
}

/// What was found out about the handles that are alive.
pub(crate) struct Handles {
    pub alive: usize,
    /// How many of them nobody holds and nobody takes anew.
    pub leaked: usize,
    /// Those that somebody holds.
    pub live: Option<LiveHandles>,
}

impl Handles {
    /// Those of a component whose init has run, or that was stopped and goes on with `resumed`.
    pub(super) fn of(
        states: &States<'_, '_>,
        executed: &Executed,
        (captured, resumed): (&Captured, Option<&Resumed>),
    ) -> Handles {
        let alive = executed.handles;
        let dirs = states.options.host.wasi.as_ref().map_or(0, |wasi| wasi.dirs.len());
        let of_adapters = (STREAMS + dirs) * captured.adapters_taking_anew;
        let open = HeldResources::open(&executed.ledger).map(|open| one_line(&open));
        let goes_on = executed.goes_on.then(|| GOES_ON.to_string());
        if goes_on.is_none()
            && (alive == 0 || captured.only_adapters && alive <= of_adapters && open.is_none())
        {
            return Handles { alive, leaked: 0, live: None };
        }
        let live = |places, why| {
            let keepers = states.places.iter().zip(&states.prepared.instances);
            let keepers = keepers.filter(|(place, instance)| {
                can_take_handles(&place.part.module, states.stopped() == Some(instance.module))
            });
            LiveHandles {
                alive,
                of_wasi: executed.store.data().live_resources(),
                keepers: keepers.map(|(_, instance)| name(&states.prepared.component, instance)).collect(),
                places,
                why,
            }
        };
        let found = (&captured.snapshots[..], &captured.adapters[..]);
        let held = match held_handles(states, executed, found, resumed) {
            Ok(held) => held,
            Err(error) => {
                let why = format!(
                    "where is not known, because init with other numbers of handles ended otherwise: {}",
                    one_line(&error.to_string())
                );
                return Handles { alive, leaked: 0, live: Some(live(Vec::new(), Some(why))) };
            }
        };
        // What an adapter takes anew has the numbers of a start: it can hold nothing else.
        let is_start = held.of_adapters.len().min(alive) <= of_adapters && open.is_none();
        // What calls in progress hold is not known unless they were read.
        let is_in_calls = states.stopped().is_some() && resumed.is_none();
        if held.places.is_empty() && !is_in_calls && (held.of_adapters.is_empty() || is_start) {
            let leaked = alive.saturating_sub(held.of_adapters.len());
            if leaked > 0 && states.prepared.component.starts_threads().unwrap_or(true) {
                let why = "a thread that has not ended can be among them, whose number is not one of those that were changed to see \
                           who holds them";
                return Handles { alive, leaked: 0, live: Some(live(Vec::new(), Some(why.to_string()))) };
            }
            if goes_on.is_some() {
                return Handles { alive, leaked: 0, live: Some(live(Vec::new(), goes_on)) };
            }
            return Handles { alive, leaked, live: None };
        }
        Handles { alive, leaked: 0, live: Some(live(held.places, goes_on.or(open))) }
    }

    /// Refuses those that are held, unless that is wanted.
    pub(super) fn check(
        self,
        is_allowed: bool,
    ) -> Result<(HandlesReport, Option<Warning>), ComponentRunError> {
        let Handles { alive, leaked, live } = self;
        let (fate, warning) = match live {
            Some(live) if is_allowed => (HandlesFate::Missing, Some(Warning::LiveHandles(Box::new(live)))),
            Some(live) => return Err(ComponentRunError::Handles(live)),
            None if alive == 0 => (HandlesFate::None, None),
            None if leaked == alive => (HandlesFate::HeldNowhere, Some(Warning::HandlesLeft(leaked))),
            None => (HandlesFate::TakenAnew, (leaked > 0).then_some(Warning::HandlesLeft(leaked))),
        };
        Ok((HandlesReport { alive, fate }, warning))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
