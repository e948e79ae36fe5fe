//! Where code comes from: the function in the source, those that were inlined into it, and their lines.

use super::lines::{Lines, with_line};
use super::{Entry, Slice, Units, sections, text};
use gimli::{AttributeValue, DebugInfoOffset, Dwarf, Unit, UnitHeader, UnitOffset};
use preinit_core::module::Module;

/// Addresses that are looked for at once.
pub(crate) const MAX_ADDRESSES: usize = 64;

/// Calls that were inlined into each other. Compilers stop far earlier.
pub(super) const INLINED: usize = 64;

/// Bytes of a name; longer ones are not demangled either.
const NAME: usize = 4096;

/// Entries that refer to each other for a name.
const REFERENCES: usize = 16;

/// A call in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFrame {
    /// As the linker knows it.
    pub name: Option<String>,
    /// `file:line`.
    pub location: Option<String>,
}

/// What many entries may refer to is read only so often: units of line programs and of lists of addresses.
pub(super) struct Budget(u64);

impl Budget {
    pub fn take(&mut self, units: u64) -> bool {
        let left = self.0.checked_sub(units);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// The calls that each of the addresses, counted from the start of the code section, is in, the innermost first. There are
/// none for one that debugging information says nothing about, and for all after the first [`MAX_ADDRESSES`].
pub(crate) fn source_frames(module: &Module<'_>, addresses: &[u64]) -> Vec<Vec<SourceFrame>> {
    let mut frames = vec![Vec::new(); addresses.len()];
    if addresses.is_empty() || !module.has_dwarf() {
        return frames;
    }
    let addresses = &addresses[..addresses.len().min(MAX_ADDRESSES)];
    let dwarf = sections(module);
    let size: usize = module.sections.iter().filter(|s| s.is_dwarf()).map(|s| s.contents.len()).sum();
    // Each line program is of one unit, and each list of one entry.
    let mut budget = Budget((size as u64).saturating_mul(4));
    let mut names = FunctionNames::of(&dwarf);
    let mut open = Mask::all(addresses.len());
    for unit in Units::of(&dwarf) {
        if open.is_empty() {
            break;
        }
        let mut search = Search { dwarf: &dwarf, unit: &unit, addresses, budget: &mut budget };
        let wanted = search.of_unit(open);
        if wanted.is_empty() {
            continue;
        }
        let chains = search.chains(wanted);
        for (index, calls) in search.frames(wanted, chains, &mut names) {
            open.remove(index);
            frames[index] = calls;
        }
    }
    frames
}

/// Some of the addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mask(u64);

impl Mask {
    const NONE: Mask = Mask(0);

    fn all(count: usize) -> Mask {
        Mask(u64::MAX.checked_shr(64 - count.min(64) as u32).unwrap_or(0))
    }

    fn is_empty(self) -> bool {
        self == Mask::NONE
    }

    fn and(self, other: Mask) -> Mask {
        Mask(self.0 & other.0)
    }

    fn has(self, index: usize) -> bool {
        (self.0 >> index) & 1 == 1
    }

    fn add(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    fn remove(&mut self, index: usize) {
        self.0 &= !(1 << index);
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |index| self.has(*index))
    }
}

/// The function that an address is in, and the calls that were inlined there.
#[derive(Default)]
struct Chain {
    calls: Vec<Call>,
    /// How deep the last one is, and the function.
    depth: isize,
    function: isize,
    is_over: bool,
}

/// A function, or one that was inlined, with the place that calls it.
struct Call {
    entry: UnitOffset,
    file: Option<u64>,
    line: u64,
}

/// Looks for addresses in one unit.
struct Search<'s, 'a> {
    dwarf: &'s Dwarf<Slice<'a>>,
    unit: &'s Unit<Slice<'a>>,
    addresses: &'s [u64],
    budget: &'s mut Budget,
}

impl<'a> Search<'_, 'a> {
    /// Those of the addresses that may be in the unit.
    fn of_unit(&mut self, open: Mask) -> Mask {
        let unit = self.unit;
        let mut entries = unit.entries();
        match entries.next_dfs() {
            Ok(Some(root)) => self.covered(root).map_or(open, |covered| covered.and(open)),
            _ => Mask::NONE,
        }
    }

    /// The addresses that an entry is about; `None` if it does not say.
    fn covered(&mut self, entry: &Entry<'a>) -> Option<Mask> {
        let (dwarf, unit, addresses) = (self.dwarf, self.unit, self.addresses);
        let mut covered = Mask::NONE;
        let mut cover = |begin: u64, end: u64| {
            for (index, address) in addresses.iter().enumerate() {
                if (begin..end).contains(address) {
                    covered.add(index);
                }
            }
        };
        if let Some(value) = entry.attr_value(gimli::DW_AT_ranges)
            && let Ok(Some(mut ranges)) = dwarf.attr_ranges(unit, value)
        {
            loop {
                let raw = ranges.next_raw().ok()?;
                let Some(raw) = raw.filter(|_| self.budget.take(1)) else { return Some(covered) };
                if let Ok(Some(range)) = ranges.convert_raw(raw) {
                    cover(range.begin, range.end);
                }
            }
        }
        let address = |value| dwarf.attr_address(unit, value).ok().flatten();
        let begin = entry.attr_value(gimli::DW_AT_low_pc).and_then(address)?;
        let end = match entry.attr_value(gimli::DW_AT_high_pc)? {
            AttributeValue::Udata(size) => begin.saturating_add(size),
            value => address(value)?,
        };
        cover(begin, end);
        Some(covered)
    }

    /// Goes through the unit once.
    fn chains(&mut self, wanted: Mask) -> Vec<Chain> {
        let mut chains: Vec<Chain> = self.addresses.iter().map(|_| Chain::default()).collect();
        let unit = self.unit;
        let mut entries = unit.entries();
        // How deep the inlined calls are that are around an entry.
        let mut around: Vec<isize> = Vec::new();
        // What was read before an error is still true.
        while let Ok(Some(entry)) = entries.next_dfs() {
            let depth = entry.depth();
            let mut goes_on = false;
            for index in wanted.indices() {
                let chain = &mut chains[index];
                chain.is_over |= !chain.calls.is_empty() && depth <= chain.function;
                goes_on |= !chain.is_over;
            }
            if !goes_on {
                break;
            }
            while around.last().is_some_and(|outer| *outer >= depth) {
                around.pop();
            }
            let inlined_in = match entry.tag() {
                gimli::DW_TAG_subprogram => None,
                gimli::DW_TAG_inlined_subroutine => Some(around.len()),
                _ => continue,
            };
            let covered = self.covered(entry).unwrap_or(Mask::NONE).and(wanted);
            for index in covered.indices() {
                chains[index].add(entry, inlined_in);
            }
            if inlined_in.is_some() {
                around.push(depth);
            }
        }
        chains
    }

    /// What is known of each of the addresses that something is known of.
    fn frames(
        &mut self,
        wanted: Mask,
        chains: Vec<Chain>,
        names: &mut FunctionNames<'_, 'a>,
    ) -> Vec<(usize, Vec<SourceFrame>)> {
        let lines = self.lines();
        let (dwarf, unit) = (self.dwarf, self.unit);
        let mut frames = Vec::new();
        for (index, chain) in chains.into_iter().enumerate().filter(|(index, _)| wanted.has(*index)) {
            let mut location = lines.as_ref().and_then(|lines| lines.location(index, dwarf, unit));
            let mut calls = Vec::new();
            if chain.calls.is_empty() && location.is_some() {
                calls.push(SourceFrame { name: None, location: location.take() });
            }
            for call in chain.calls.iter().rev() {
                let name = names.of_entry(unit, call.entry, REFERENCES);
                calls.push(SourceFrame { name, location });
                let file = call.file.zip(lines.as_ref());
                let file = file.and_then(|(file, lines)| lines.file(file, dwarf, unit));
                location = file.map(|file| with_line(file, Some(call.line)));
            }
            if !calls.is_empty() {
                frames.push((index, calls));
            }
        }
        frames
    }

    fn lines(&mut self) -> Option<Lines<'a>> {
        let root = self.unit.entries().next_dfs().ok().flatten()?.attr_value(gimli::DW_AT_stmt_list);
        let Some(AttributeValue::DebugLineRef(offset)) = root else { return None };
        Lines::of((self.dwarf, self.unit), offset, self.addresses, self.budget)
    }
}

impl Chain {
    /// `inlined_in` is the number of calls around one that was inlined.
    fn add(&mut self, entry: &Entry<'_>, inlined_in: Option<usize>) {
        let depth = entry.depth();
        let is_next = inlined_in.is_some_and(|outer| outer + 1 == self.calls.len());
        let goes_on = is_next && !self.is_over && depth > self.depth;
        if self.calls.is_empty() && inlined_in.is_none() {
            self.function = depth;
        } else if !goes_on || self.calls.len() > INLINED {
            return;
        }
        self.depth = depth;
        let number = |name| entry.attr_value(name).and_then(|value| value.udata_value());
        let file = match entry.attr_value(gimli::DW_AT_call_file) {
            Some(AttributeValue::FileIndex(file)) => Some(file),
            _ => None,
        };
        let line = number(gimli::DW_AT_call_line).unwrap_or(0);
        self.calls.push(Call { entry: entry.offset(), file, line });
    }
}

/// The names of functions, which may be in other units.
struct FunctionNames<'d, 'a> {
    dwarf: &'d Dwarf<Slice<'a>>,
    units: Units<'d, 'a>,
    /// Of all units, by where they begin, once one is looked for.
    headers: Option<Vec<UnitHeader<Slice<'a>>>>,
}

impl<'d, 'a> FunctionNames<'d, 'a> {
    fn of(dwarf: &'d Dwarf<Slice<'a>>) -> Self {
        FunctionNames { dwarf, units: Units::of(dwarf), headers: None }
    }

    fn of_entry(&mut self, unit: &Unit<Slice<'a>>, offset: UnitOffset, references: usize) -> Option<String> {
        let entry = unit.entry(offset).ok()?;
        let names = [gimli::DW_AT_linkage_name, gimli::DW_AT_MIPS_linkage_name, gimli::DW_AT_name];
        if let Some(value) = names.into_iter().find_map(|name| entry.attr_value(name)) {
            return text(self.dwarf, unit, value, NAME).ok();
        }
        let references = references.checked_sub(1)?;
        let origins = [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification];
        match origins.into_iter().find_map(|origin| entry.attr_value(origin))? {
            AttributeValue::UnitRef(offset) => self.of_entry(unit, offset, references),
            AttributeValue::DebugInfoRef(offset) => {
                let (unit, offset) = self.unit_with(offset)?;
                self.of_entry(&unit, offset, references)
            }
            _ => None,
        }
    }

    fn unit_with(&mut self, offset: DebugInfoOffset) -> Option<(Unit<Slice<'a>>, UnitOffset)> {
        let dwarf = self.dwarf;
        let headers = self.headers.get_or_insert_with(|| {
            let mut headers = Vec::new();
            let mut units = dwarf.units();
            while let Ok(Some(header)) = units.next() {
                headers.push(header);
            }
            headers
        });
        let after = headers.partition_point(|header| header.offset().0 <= offset.0);
        let header = *headers.get(after.checked_sub(1)?)?;
        let offset = offset.to_unit_offset(&header)?;
        Some((self.units.unit(header)?, offset))
    }
}
