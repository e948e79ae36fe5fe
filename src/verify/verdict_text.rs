//! The text form of a verdict.

use super::verdict::{Coverage, Difference, EngineCoverage, Outcome, Skipped, StateCoverage, Verdict};
use crate::wording::counted;
use preinit_core::printable::{Message, Printable};
use std::fmt;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coverage = &self.coverage;
        match self.outcome {
            Outcome::Equal => {
                writeln!(f, "equal: the snapshot is the original after init")?;
                if let Some(why) = coverage.without_returns() {
                    writeln!(f, "  {why}")?;
                }
            }
            Outcome::Different => writeln!(f, "different: the snapshot is not the original after init")?,
            Outcome::CouldNotTell => writeln!(f, "could not tell whether the snapshot is right")?,
        }
        for difference in &self.differences {
            let Difference { key, original, snapshot, engines } = difference;
            let (key, original, snapshot) = (Printable(key), Message(original), Message(snapshot));
            write!(f, "  {key}: {original} in the original, {snapshot} in the snapshot")?;
            // Observers are not asked about what differs in lock step.
            let mut exact = coverage.engines.iter().filter(|engine| engine.not_compared.is_empty());
            if !engines.is_empty() && !exact.all(|engine| engines.contains(&engine.name)) {
                write!(f, " (on {} only)", engines.join(", "))?;
            }
            writeln!(f)?;
        }
        let more = self.differences_found.saturating_sub(self.differences.len() as u64);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        if let Some(script) = &self.script {
            writeln!(f, "calls that show it:")?;
            script.lines().try_for_each(|line| writeln!(f, "  {}", Message(line)))?;
        }
        self.undecided.iter().try_for_each(|why| writeln!(f, "  not known: {}", Message(why)))?;
        if self.differences_ignored > 0 {
            writeln!(f, "ignored {} differences", self.differences_ignored)?;
        }
        for pattern in &self.ignore_unmatched {
            writeln!(f, "nothing to ignore: no difference has a key like `{}`", Printable(pattern))?;
        }
        write!(f, "{coverage}")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StateCoverage { memory_bytes, globals, table_slots, objects, segments } = &self.state;
        writeln!(
            f,
            "compared: {memory_bytes} bytes of memory, {globals} globals, {table_slots} table slots, {objects} objects, {segments} \
             segments, {} function bodies",
            self.function_bodies
        )?;
        if self.functions_stripped > 0 {
            writeln!(
                f,
                "{} of the bodies are stubs of functions that nothing can reach",
                self.functions_stripped
            )?;
        }
        if self.functions_added > 0 {
            writeln!(f, "{}", self.added())?;
        }
        for export in &self.exports_redirected {
            writeln!(f, "redirected: export `{}` leads to a function that was added", Printable(export))?;
        }
        self.assumptions.iter().try_for_each(|assumption| writeln!(f, "assumed: {assumption}"))?;
        self.engines.iter().try_for_each(|engine| engine.fmt(f))?;
        for Skipped { name, why } in &self.engines_skipped {
            writeln!(f, "{name}: not run: {}", Message(why))?;
        }
        if !self.fresh.is_empty() {
            writeln!(f, "fresh: with {}: {} calls", self.fresh.join(", "), self.fresh_calls)?;
        }
        if !self.exports_called.is_empty() {
            let called: Vec<String> =
                self.exports_called.iter().map(|export| Printable(export).to_string()).collect();
            writeln!(f, "called: {}", called.join(", "))?;
            if self.functions_entered > 0 {
                writeln!(f, "entered: {} of {} functions", self.functions_entered, self.function_bodies)?;
            }
        }
        for Skipped { name, why } in &self.exports_not_called {
            writeln!(f, "not called: {}: {}", Printable(name), Message(why))?;
        }
        self.not_compared.iter().try_for_each(|what| writeln!(f, "not compared: {}", Message(what)))
    }
}

impl Coverage {
    /// What an answer is worth that rests on no call that returned.
    fn without_returns(&self) -> Option<&'static str> {
        // Others are not asked how calls were cut short.
        let exact = || self.engines.iter().filter(|engine| engine.not_compared.is_empty());
        let sum = |count: fn(&EngineCoverage) -> u64| exact().map(count).sum::<u64>();
        let (calls, cut_short) = (sum(|engine| engine.calls), sum(|engine| engine.cut_short));
        match (calls, sum(|engine| engine.returned)) {
            (0, _) => {
                Some("no call was made: only the state and the code were compared, and not what calls do")
            }
            (_, 1..) => None,
            _ if cut_short == calls => Some(
                "no call came to its end: only the state and the code were compared, and what calls did until they \
                 were cut short",
            ),
            _ => Some(
                "no call returned: those that ended trapped, threw or exited, in the same way on both sides",
            ),
        }
    }

    /// What was found of added functions.
    fn added(&self) -> String {
        let Coverage { functions_added, functions_accounted, .. } = self;
        let added = counted(*functions_added, "function");
        match functions_accounted {
            0 => format!("added: {added}"),
            1 => format!("added: {added}; 1 can run, and is what preinit adds for this state"),
            more => format!("added: {added}; {more} can run, and are what preinit adds for this state"),
        }
    }
}

impl fmt::Display for EngineCoverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} calls in {} sequences ({} returned, {} cut short), {} host calls, {:.2} s + {:.2} s to compile",
            self.name,
            self.calls,
            self.sequences,
            self.returned,
            self.cut_short,
            self.host_calls,
            self.seconds,
            self.compile_seconds
        )?;
        match self.not_compared.is_empty() {
            true => Ok(()),
            false => {
                writeln!(f, "{}: not compared: {}", self.name, Message(&self.not_compared.join(", ")))
            }
        }
    }
}
