//! What the guest has handles of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::host::component_value::Handle;

/// The types of resources, by the numbers that the engine knows them by.
const KINDS: [&str; 16] = [
    "descriptor",
    "directory-entry-stream",
    "error",
    "pollable",
    "input-stream",
    "output-stream",
    "network",
    "terminal-input",
    "terminal-output",
    "tcp-socket",
    "udp-socket",
    "incoming-datagram-stream",
    "outgoing-datagram-stream",
    "resolve-address-stream",
    "resource",
    "stub",
];

/// The number of a type of resources.
pub(super) fn kind_number(kind: &str) -> Option<u32> {
    KINDS.iter().position(|known| *known == kind).map(|at| at as u32)
}

/// The type of resources that has this number.
pub(super) fn kind_name(number: u32) -> &'static str {
    KINDS.get(number as usize).copied().unwrap_or("resource")
}

/// A resource of the host.
#[derive(Debug)]
pub(super) enum Resource {
    Descriptor(Descriptor),
    Input(Input),
    Output(Output),
    Pollable(Pollable),
    Entries(VecDeque<DirectoryEntry>),
    /// An error of preview 1.
    Error(i32),
    Network,
}

/// A file or a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    /// Its number in preview 1.
    pub fd: u32,
    /// What it may be used for, as the bits of `descriptor-flags`.
    pub flags: u32,
    /// Its type in preview 1, once somebody has asked.
    pub filetype: Option<u8>,
}

/// Where an input stream reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input {
    Stdin,
    File { fd: u32, position: u64 },
}

/// Where an output stream writes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    /// Standard output or standard error, by its number in preview 1.
    Standard(u32),
    File {
        fd: u32,
        position: u64,
    },
    /// Always at the end of the file.
    Append(u32),
}

/// What can be waited for. Files and streams are always ready.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pollable {
    Ready,
    /// A reading of the monotonic clock.
    Timer(u64),
}

/// An entry of a directory: its type in preview 1, and its name; or an error of preview 1.
pub(super) type DirectoryEntry = Result<(u8, String), i32>;

/// All that are alive.
#[derive(Debug, Default)]
pub(super) struct Resources {
    alive: BTreeMap<u32, Resource>,
    made: u32,
    /// How many resources use a descriptor of preview 1 that the guest has opened.
    uses: BTreeMap<u32, u32>,
    /// Descriptors of preview 1 that the guest did not open, of which it has dropped a resource.
    dropped: BTreeSet<u32>,
    /// Bytes that entries of directories take.
    listed: u64,
}

/// Bytes that one resource takes here and in the engine, roughly.
const COST: u64 = 160;

impl Resources {
    /// Keeps a resource. `None` if numbers have run out.
    pub fn add(&mut self, kind: &'static str, resource: Resource) -> Option<Handle> {
        let number = self.made;
        self.made = self.made.checked_add(1)?;
        if let Some(uses) = fd(&resource).and_then(|fd| self.uses.get_mut(&fd)) {
            *uses += 1;
        }
        self.listed += listed(&resource);
        self.alive.insert(number, resource);
        Some(Handle { kind, number })
    }

    /// From now on `fd` is closed once nothing uses it.
    pub fn opened(&mut self, fd: u32) {
        self.uses.insert(fd, 0);
    }

    pub fn get(&self, number: u32) -> Option<&Resource> {
        self.alive.get(&number)
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut Resource> {
        self.alive.get_mut(&number)
    }

    /// The name of the error that a resource stands for.
    #[cfg(feature = "component-calls")]
    pub fn error_name(&self, number: u32) -> Option<&'static str> {
        match self.get(number) {
            Some(Resource::Error(errno)) => Some(super::filesystem::error_name(*errno)),
            _ => None,
        }
    }

    /// Forgets a resource. Gives the descriptor of preview 1 that is to be closed.
    pub fn remove(&mut self, number: u32) -> Option<u32> {
        let resource = self.alive.remove(&number)?;
        self.listed = self.listed.saturating_sub(listed(&resource));
        let fd = fd(&resource)?;
        let Some(uses) = self.uses.get_mut(&fd) else {
            self.dropped.extend(matches!(resource, Resource::Descriptor(_)).then_some(fd));
            return None;
        };
        *uses = uses.saturating_sub(1);
        if *uses > 0 {
            return None;
        }
        self.uses.remove(&fd);
        Some(fd)
    }

    /// Takes the next entry out of a listing. `None` if the resource is none.
    pub fn next_entry(&mut self, number: u32) -> Option<Option<DirectoryEntry>> {
        let Some(Resource::Entries(entries)) = self.alive.get_mut(&number) else { return None };
        let entry = entries.pop_front();
        self.listed = self.listed.saturating_sub(entry.as_ref().map_or(0, cost_of_entry));
        Some(entry)
    }

    /// The preopened directories of which a resource was dropped.
    pub fn dropped_directories(&self) -> &BTreeSet<u32> {
        &self.dropped
    }

    /// How many of each kind are alive.
    pub fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for resource in self.alive.values() {
            let kind = match resource {
                Resource::Descriptor(_) => "descriptor",
                Resource::Input(_) => "input-stream",
                Resource::Output(_) => "output-stream",
                Resource::Pollable(_) => "pollable",
                Resource::Entries(_) => "directory-entry-stream",
                Resource::Error(_) => "error",
                Resource::Network => "network",
            };
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }

    /// Whether none is alive.
    #[cfg(feature = "verify")]
    pub fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// The host memory that all of them take, in bytes, roughly.
    pub fn cost(&self) -> u64 {
        self.alive.len() as u64 * COST + self.listed
    }
}

/// What a resource needs of preview 1.
fn fd(resource: &Resource) -> Option<u32> {
    match resource {
        Resource::Descriptor(Descriptor { fd, .. })
        | Resource::Input(Input::File { fd, .. })
        | Resource::Output(Output::File { fd, .. } | Output::Append(fd)) => Some(*fd),
        _ => None,
    }
}

fn listed(resource: &Resource) -> u64 {
    let Resource::Entries(entries) = resource else { return 0 };
    entries.iter().map(cost_of_entry).sum()
}

fn cost_of_entry(entry: &DirectoryEntry) -> u64 {
    /// What the allocator adds to a name, roughly.
    const ALLOCATED: usize = 16;
    let name = entry.as_ref().map_or(0, |(_, name)| name.len() + ALLOCATED);
    (size_of::<DirectoryEntry>() + name) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_closed_after_its_last_use() {
        let mut resources = Resources::default();
        resources.opened(5);
        let file = Resource::Descriptor(Descriptor { fd: 5, flags: 0, filetype: None });
        let file = resources.add("descriptor", file).unwrap();
        let stream = resources.add("input-stream", Resource::Input(Input::File { fd: 5, position: 0 }));
        assert_eq!(resources.remove(file.number), None);
        assert_eq!(resources.remove(stream.unwrap().number), Some(5));
        // A preopened directory was not opened by the guest.
        let directory = Resource::Descriptor(Descriptor { fd: 3, flags: 0, filetype: None });
        let directory = resources.add("descriptor", directory).unwrap();
        assert_eq!(resources.dropped_directories().len(), 0);
        assert_eq!(resources.remove(directory.number), None);
        assert_eq!(resources.dropped_directories(), &BTreeSet::from([3]));
        assert_eq!(resources.cost(), 0);
    }

    #[test]
    fn entries_count_until_the_listing_is_dropped() {
        let mut resources = Resources::default();
        let entries = || Resource::Entries([Ok((4, "x".repeat(1000))), Err(8)].into());
        let listing = resources.add("directory-entry-stream", entries()).unwrap();
        assert!(resources.cost() > 1000);
        resources.remove(listing.number);
        assert_eq!(resources.cost(), 0);
        let listing = resources.add("directory-entry-stream", entries()).unwrap();
        assert!(matches!(resources.next_entry(listing.number), Some(Some(Ok(_)))));
        assert!(resources.cost() < 1000, "what was read counts no longer");
        assert!(matches!(resources.next_entry(listing.number), Some(Some(Err(8)))));
        assert!(matches!(resources.next_entry(listing.number), Some(None)));
        resources.remove(listing.number);
        assert_eq!(resources.cost(), 0);
        assert!(resources.next_entry(listing.number).is_none());
    }
}
