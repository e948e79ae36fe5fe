//! What init may ask for, class by class.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::host_options::ImportName;
use super::ledger::{Call, DescriptorKind, Descriptors, Ledger};
use crate::warning::Warning;

/// A class of host calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Class {
    /// `random_get`.
    Random,
    /// Reading clocks, and sleeping.
    Clock,
    /// Environment variables.
    Environment,
    /// Program arguments.
    Arguments,
    /// Reading standard input.
    Stdin,
    /// Writing to standard output and error.
    Output,
    /// Preopened directories and everything in them.
    Files,
    /// Sockets.
    Sockets,
    /// `proc_exit`, `proc_raise` and `sched_yield`.
    Process,
    /// Functions that are stubbed.
    Stub,
}

/// What happens when init makes a call of some class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It is answered.
    #[default]
    Allow,
    /// It is answered, and the report warns of it.
    Warn,
    /// It ends the run.
    Deny,
}

/// A [`Policy`] for every [`Class`]. By default randomness is warned of, because all instances of a snapshot share what
/// is kept of it, and everything else is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    chosen: BTreeMap<Class, Policy>,
}

/// How often init made calls of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassUse {
    /// The class.
    pub class: Class,
    /// The number of calls.
    pub calls: u64,
    /// The imports that were called, in the order of the first call.
    pub imports: Vec<ImportName>,
}

impl Class {
    /// All classes.
    pub const ALL: [Class; 10] = [
        Class::Random,
        Class::Clock,
        Class::Environment,
        Class::Arguments,
        Class::Stdin,
        Class::Output,
        Class::Files,
        Class::Sockets,
        Class::Process,
        Class::Stub,
    ];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Class::Random => "random",
            Class::Clock => "clock",
            Class::Environment => "env",
            Class::Arguments => "args",
            Class::Stdin => "stdin",
            Class::Output => "output",
            Class::Files => "files",
            Class::Sockets => "sockets",
            Class::Process => "process",
            Class::Stub => "stub",
        }
    }

    /// The class of a call that is made while these descriptors are open. What is not of WASI is a stub: nothing else
    /// comes here.
    pub fn of(call: &Call, descriptors: &Descriptors) -> Class {
        let Some(function) = call.wasi() else { return Class::Stub };
        match function {
            "random_get" => Class::Random,
            "clock_res_get" | "clock_time_get" | "poll_oneoff" => Class::Clock,
            "environ_get" | "environ_sizes_get" => Class::Environment,
            "args_get" | "args_sizes_get" => Class::Arguments,
            "proc_exit" | "proc_raise" | "sched_yield" => Class::Process,
            _ if function.starts_with("sock_") => Class::Sockets,
            _ if function.starts_with("fd_") => {
                match call.word(0).and_then(|fd| descriptors.get(fd)).map(|descriptor| descriptor.kind) {
                    Some(DescriptorKind::Stdin) => Class::Stdin,
                    Some(DescriptorKind::Stdout | DescriptorKind::Stderr) => Class::Output,
                    _ => Class::Files,
                }
            }
            _ => Class::Files,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Class::ALL.into_iter().find(|class| class.name() == name).ok_or(())
    }
}

impl Policies {
    /// The policy of `class`.
    pub fn get(&self, class: Class) -> Policy {
        let default = if class == Class::Random { Policy::Warn } else { Policy::Allow };
        self.chosen.get(&class).copied().unwrap_or(default)
    }

    /// Chooses the policy of `class`.
    pub fn set(&mut self, class: Class, policy: Policy) {
        self.chosen.insert(class, policy);
    }
}

impl Ledger {
    /// The classes of which there were calls, in the order of [`Class::ALL`].
    pub fn classes(&self) -> Vec<ClassUse> {
        let mut used = BTreeMap::<Class, ClassUse>::new();
        let mut index = 0;
        self.follow(|descriptors, entry| {
            let import = self.called(index).unwrap_or(&entry.call.import);
            index += 1;
            let class = Class::of(&entry.call, descriptors);
            let found =
                used.entry(class).or_insert_with(|| ClassUse { class, calls: 0, imports: Vec::new() });
            found.calls += 1;
            if !found.imports.contains(import) {
                found.imports.push(import.clone());
            }
        });
        used.into_values().collect()
    }

    /// What a run under these policies warns of.
    pub fn warnings(&self, policies: &Policies) -> Vec<Warning> {
        let warned = self.classes().into_iter().filter(|used| policies.get(used.class) == Policy::Warn);
        let warning = |ClassUse { class, calls, imports }| match class {
            Class::Random => {
                let bytes = self.random_bytes();
                (bytes > 0).then_some(Warning::Random(bytes))
            }
            class => Some(Warning::Called { class, imports, calls }),
        };
        warned.filter_map(warning).collect()
    }
}
