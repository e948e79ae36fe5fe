//! Descriptors that every process has when it begins: the standard streams and the preopened directories. A process begins with
//! all of them, whatever an earlier one did to its own.

use std::fmt;

use super::{Descriptor, DescriptorKind, Descriptors, Entry, Ledger};
use crate::host::host_value::HostValue;
use preinit_core::printable::Printable;

/// Which descriptor of the start an open one is, and what was set of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    number: u32,
    flags: Setting<u16>,
    /// The base rights, and the inheriting ones.
    rights: Setting<[u64; 2]>,
}

/// Something of a descriptor that can be told and set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting<T> {
    /// What the host said before it was set.
    told: Option<T>,
    set: Option<T>,
}

/// A descriptor of the start that is not at the end what it was.
///
/// ```
/// use preinit::Preinit;
///
/// let wasm = preinit::wat_to_wasm(br#"(module
///     (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
///     (memory (export "memory") 1)
///     (func (export "preinit") (drop (call $close (i32.const 1)))))"#)?;
/// let ledger = Preinit::new().allow_wasi(true).run(&wasm)?.ledger;
/// let changed: Vec<String> = ledger.changed_descriptors().iter().map(ToString::to_string).collect();
/// assert_eq!(changed, ["descriptor 1 (standard output) was closed"]);
/// # Ok::<(), preinit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedDescriptor {
    /// Its number at the start.
    pub number: u32,
    what: String,
    /// What happened to it, as a list in words.
    change: String,
}

impl<T: Copy + PartialEq> Setting<T> {
    const NONE: Setting<T> = Setting { told: None, set: None };

    fn tell(&mut self, value: Option<T>) {
        if self.set.is_none() {
            self.told = value;
        }
    }

    /// What it was set to, unless that is what it had been. Of what nobody has asked for, that is not known.
    fn changed(&self) -> Option<T> {
        self.set.filter(|set| self.told != Some(*set))
    }
}

impl Start {
    pub(super) fn new(number: u32) -> Start {
        Start { number, flags: Setting::NONE, rights: Setting::NONE }
    }

    /// Follows a successful call on it that tells or sets something.
    pub(super) fn follow(&mut self, function: &str, entry: &Entry) {
        let long = |index: usize| match entry.call.args.get(index) {
            Some(HostValue::I64(value)) => Some(value.cast_unsigned()),
            _ => None,
        };
        match function {
            "fd_fdstat_get" => {
                let half = |offset| Some(u16::from(entry.written_byte(1, offset)?));
                let flags = half(2).zip(half(3)).map(|(low, high)| low | high << 8);
                let rights = |offset| entry.written_long_at(1, offset);
                self.flags.tell(flags);
                self.rights.tell(rights(8).zip(rights(16)).map(<[u64; 2]>::from));
            }
            "fd_fdstat_set_flags" => {
                let flags = entry.call.word(1).map(|flags| u16::try_from(flags).unwrap_or(u16::MAX));
                self.flags.set = flags.or(self.flags.set);
            }
            "fd_fdstat_set_rights" => {
                let rights = long(1).zip(long(2)).map(<[u64; 2]>::from);
                self.rights.set = rights.or(self.rights.set);
            }
            _ => {}
        }
    }

    fn settings(&self) -> impl Iterator<Item = String> {
        let flags = self.flags.changed().map(|flags| format!("given the flags {flags:#x}"));
        let rights = self
            .rights
            .changed()
            .map(|[base, inherited]| format!("given the rights {base:#x} and {inherited:#x}"));
        flags.into_iter().chain(rights)
    }
}

impl Ledger {
    /// The descriptors of the start that were closed or moved, or have other flags or rights now, by number.
    pub fn changed_descriptors(&self) -> Vec<ChangedDescriptor> {
        let end = self.descriptors();
        let start = Descriptors::new(&self.preopens);
        let changed = |(number, was)| match self.closed_by_adapters.contains(&number) {
            true => Some(ChangedDescriptor { number, what: named(was), change: "closed".to_string() }),
            false => ChangedDescriptor::of(number, was, &end),
        };
        start.iter().filter_map(changed).collect()
    }
}

impl ChangedDescriptor {
    fn of(number: u32, was: &Descriptor, end: &Descriptors) -> Option<ChangedDescriptor> {
        let is_it =
            |descriptor: &Descriptor| descriptor.start.as_ref().is_some_and(|start| start.number == number);
        let found = end.iter().find(|(_, descriptor)| is_it(descriptor));
        let mut changes = match found {
            None => vec!["closed".to_string()],
            Some((at, _)) if at != number => vec![format!("moved to descriptor {at}")],
            Some(_) => Vec::new(),
        };
        changes.extend(
            found.and_then(|(_, descriptor)| descriptor.start.as_ref()).into_iter().flat_map(Start::settings),
        );
        if changes.is_empty() {
            return None;
        }
        let now = end.get(number).filter(|now| !is_it(now));
        let now = now.map_or(String::new(), |now| format!(", and {} has its number", named(now)));
        Some(ChangedDescriptor { number, what: named(was), change: format!("{}{now}", changes.join(", ")) })
    }

    /// Whether this call has changed it, while these descriptors were open.
    pub(crate) fn is_by(&self, descriptors: &Descriptors, entry: &Entry) -> bool {
        let concerned = match entry.call.wasi() {
            Some("fd_close" | "fd_fdstat_set_flags" | "fd_fdstat_set_rights") => 1,
            Some("fd_renumber") => 2,
            _ => 0,
        };
        let is_it = |index| {
            let descriptor = entry.call.word(index).and_then(|fd| descriptors.get(fd));
            descriptor
                .and_then(|descriptor| descriptor.start.as_ref())
                .is_some_and(|start| start.number == self.number)
        };
        entry.succeeded() && (0..concerned).any(is_it)
    }
}

/// As `descriptor 1 (standard output) was closed`.
impl fmt::Display for ChangedDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChangedDescriptor { number, what, change } = self;
        write!(f, "descriptor {number} ({what}) was {change}")
    }
}

/// What a descriptor is, in words.
fn named(descriptor: &Descriptor) -> String {
    let path = Printable(&descriptor.path);
    match descriptor.kind {
        DescriptorKind::Stdin => "standard input".to_string(),
        DescriptorKind::Stdout => "standard output".to_string(),
        DescriptorKind::Stderr => "standard error".to_string(),
        DescriptorKind::Preopen => format!("the preopened directory `{path}`"),
        DescriptorKind::Directory => format!("the directory `{path}`"),
        DescriptorKind::File => format!("the file `{path}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::host_options::ImportName;
    use crate::host::ledger::{Call, Outcome, Region};
    use std::sync::Arc;

    /// The flags are 1, the rights 7 and 5.
    const STATUS: [u8; 24] = [2, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];

    fn call(name: &str, args: &[HostValue], errno: i32) -> Entry {
        let import = Arc::new(ImportName::new("wasi_snapshot_preview1", name));
        let writes = match name {
            "fd_fdstat_get" => vec![Region { address: 64, bytes: STATUS.to_vec() }],
            _ => Vec::new(),
        };
        let call = Call { import, stubbed: false, args: args.to_vec(), reads: Vec::new(), backtrace: None };
        Entry { call, outcome: Outcome::Results(vec![HostValue::I32(errno)]), writes }
    }

    fn changed(calls: Vec<Entry>) -> Vec<String> {
        let entries = calls.into_iter().map(Arc::new).collect();
        let ledger = Ledger { entries, preopens: vec!["/".to_string()], ..Ledger::default() };
        ledger.changed_descriptors().iter().map(ToString::to_string).collect()
    }

    /// There are hosts that let a guest set them.
    #[test]
    fn flags_and_rights() {
        use HostValue::{I32, I64};
        let get = |fd| call("fd_fdstat_get", &[I32(fd), I32(64)], 0);
        let flags = |fd, flags| call("fd_fdstat_set_flags", &[I32(fd), I32(flags)], 0);
        let rights = |fd, base, more| call("fd_fdstat_set_rights", &[I32(fd), I64(base), I64(more)], 0);
        for (fd, what) in [
            (0, "0 (standard input)"),
            (1, "1 (standard output)"),
            (2, "2 (standard error)"),
            (3, "3 (the preopened directory `/`)"),
        ] {
            let given = |change: &str| vec![format!("descriptor {what} was given the {change}")];
            for (calls, expected) in [
                (vec![flags(fd, 4)], given("flags 0x4")),
                (vec![rights(fd, 3, 5)], given("rights 0x3 and 0x5")),
                (vec![flags(fd, 4), rights(fd, 3, 5)], given("flags 0x4, given the rights 0x3 and 0x5")),
                // What they had been is not known.
                (vec![flags(fd, 1)], given("flags 0x1")),
                (vec![flags(fd, 4), get(fd), flags(fd, 1)], given("flags 0x1")),
                (vec![get(fd), flags(fd, 5)], given("flags 0x5")),
                (vec![get(fd), rights(fd, 7, 4)], given("rights 0x7 and 0x4")),
                // It is known.
                (vec![get(fd), flags(fd, 1), rights(fd, 7, 5)], vec![]),
                (vec![get(fd), flags(fd, 4), get(fd), flags(fd, 1)], vec![]),
                (vec![call("fd_fdstat_set_flags", &[I32(fd), I32(4)], 8)], vec![]),
                (vec![flags(9, 4)], vec![]),
            ] {
                assert_eq!(changed(calls.clone()), expected, "{calls:?}");
            }
        }
        // They go with it.
        let moved = vec![flags(2, 4), call("fd_renumber", &[I32(2), I32(1)], 0)];
        assert_eq!(
            changed(moved),
            [
                "descriptor 1 (standard output) was closed, and standard error has its number",
                "descriptor 2 (standard error) was moved to descriptor 1, given the flags 0x4"
            ]
        );
    }
}
