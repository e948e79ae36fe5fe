//! Line programs: which line of which file an address comes from.

use super::source_frames::Budget;
use super::{Slice, text};
use gimli::{DebugLineOffset, Dwarf, LineProgramHeader, Reader, Section, Unit};

/// Bytes of a header, which names the files of a unit. Of each of them a hundred bytes are kept.
const HEADER: u64 = 1 << 20;

/// Bytes of a directory, and of a file's name.
const PATH: usize = 4096;

/// The line program of a unit, and what it says of some addresses.
pub(super) struct Lines<'a> {
    header: LineProgramHeader<Slice<'a>>,
    found: Vec<Option<Line>>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    file: u64,
    line: Option<u64>,
}

impl<'a> Lines<'a> {
    /// Runs the program at `offset`; `None` if it cannot be read, or if that would take too long.
    pub fn of(
        (dwarf, unit): (&Dwarf<Slice<'a>>, &Unit<Slice<'a>>),
        offset: DebugLineOffset,
        addresses: &[u64],
        budget: &mut Budget,
    ) -> Option<Lines<'a>> {
        let (program, header) = lengths(*dwarf.debug_line.reader(), offset.0)?;
        if header > HEADER || !budget.take(program) {
            return None;
        }
        let program = dwarf.debug_line.program(offset, unit.encoding().address_size, None, None).ok()?;
        let header = program.header().clone();
        let mut found = vec![None; addresses.len()];
        // Of the sequence that is read: where it begins, and the last row at or before each address.
        let mut start = None;
        let mut rows = vec![None; addresses.len()];
        let mut program = program.rows();
        // What was read before an error is still true.
        while let Ok(Some((_, row))) = program.next_row() {
            if !row.end_sequence() {
                start.get_or_insert(row.address());
                let line = Line { file: row.file_index(), line: row.line().map(u64::from) };
                for (known, address) in rows.iter_mut().zip(addresses) {
                    if row.address() <= *address {
                        *known = Some(line);
                    }
                }
                continue;
            }
            let Some(start) = start.take() else { continue };
            for ((found, row_before), address) in found.iter_mut().zip(&mut rows).zip(addresses) {
                let line = row_before.take();
                if found.is_none() && (start..row.address()).contains(address) {
                    *found = line;
                }
            }
        }
        Some(Lines { header, found })
    }

    /// Where the `index`th address comes from.
    pub fn location(&self, index: usize, dwarf: &Dwarf<Slice<'a>>, unit: &Unit<Slice<'a>>) -> Option<String> {
        let Line { file, line } = self.found.get(index).copied().flatten()?;
        Some(with_line(self.file(file, dwarf, unit)?, line))
    }

    /// The path of a file.
    pub fn file(&self, index: u64, dwarf: &Dwarf<Slice<'a>>, unit: &Unit<Slice<'a>>) -> Option<String> {
        let file = self.header.file(index)?;
        let read = |value| text(dwarf, unit, value, PATH).ok();
        let root = unit.entries().next_dfs().ok().flatten()?.attr_value(gimli::DW_AT_comp_dir);
        let mut path = root.and_then(read).unwrap_or_default();
        // Directory 0 is that of the unit.
        if file.directory_index() != 0
            && let Some(directory) = file.directory(&self.header)
        {
            push(&mut path, read(directory)?);
        }
        push(&mut path, read(file.path_name())?);
        Some(path)
    }
}

/// `file:line`; without a number where there is none.
pub(super) fn with_line(file: String, line: Option<u64>) -> String {
    match line {
        Some(line) if line > 0 => format!("{file}:{line}"),
        _ => file,
    }
}

/// How long a program is with its header, and its header alone.
fn lengths(mut section: Slice<'_>, offset: usize) -> Option<(u64, u64)> {
    section.skip(offset).ok()?;
    let (program, format) = section.read_initial_length().ok()?;
    let version = section.read_u16().ok()?;
    if version >= 5 {
        // The sizes of addresses and segment selectors.
        section.skip(2).ok()?;
    }
    Some((program as u64, section.read_length(format).ok()? as u64))
}

fn push(path: &mut String, part: String) {
    let is_absolute =
        |text: &str| text.starts_with(['/', '\\']) || matches!(text.get(1..3), Some(":/" | ":\\"));
    if is_absolute(&part) || path.is_empty() {
        *path = part;
        return;
    }
    let separator = if path.starts_with('\\') || path.get(1..3) == Some(":\\") { '\\' } else { '/' };
    if !path.ends_with(separator) {
        path.push(separator);
    }
    path.push_str(&part);
}
