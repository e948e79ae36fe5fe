//! Debugging information (DWARF 4), written byte by byte, so that it can be what no compiler writes.

use wasm_encoder::{CustomSection, Encode, Section};

/// The forms of the entries below.
pub const ABBREVIATIONS: &[u8] = b"\
    \x01\x11\x01\x11\x01\x12\x06\x03\x08\x1b\x08\x10\x17\0\0\
    \x02\x2e\x00\x03\x08\0\0\
    \x03\x2e\x01\x11\x01\x12\x06\x6e\x08\0\0\
    \x04\x1d\x01\x11\x01\x12\x06\x31\x13\x58\x0b\x59\x0b\0\0\
    \x05\x2e\x01\x55\x17\x47\x10\0\0\
    \x06\x0b\x01\0\0\
    \x07\x2e\x00\x03\x0e\0\0\
    \x08\x2e\x00\x31\x13\0\0\
    \x09\x34\x00\x03\x08\x02\x18\x49\x13\0\0\
    \x0a\x24\x00\x03\x08\x0b\x0b\0\0\
    \0";

/// Ends the children of an entry.
pub const END: &[u8] = &[0];

/// Bytes from the start of a unit to its first entry.
pub const HEADER: u32 = 11;

/// The sections.
#[derive(Debug, Clone, Default)]
pub struct Dwarf {
    /// `.debug_abbrev`.
    pub abbreviations: Vec<u8>,
    /// `.debug_info`.
    pub info: Vec<u8>,
    /// `.debug_line`.
    pub lines: Vec<u8>,
    /// `.debug_ranges`.
    pub ranges: Vec<u8>,
    /// `.debug_str`.
    pub strings: Vec<u8>,
}

impl Dwarf {
    /// Units in the forms that are here.
    pub fn of(units: &[Vec<u8>]) -> Dwarf {
        Dwarf { abbreviations: ABBREVIATIONS.to_vec(), info: units.concat(), ..Dwarf::default() }
    }

    /// The module with this debugging information.
    pub fn in_module(&self, module: &[u8]) -> Vec<u8> {
        let mut wasm = module.to_vec();
        for (name, data) in [
            (".debug_abbrev", &self.abbreviations),
            (".debug_info", &self.info),
            (".debug_line", &self.lines),
            (".debug_ranges", &self.ranges),
            (".debug_str", &self.strings),
        ] {
            CustomSection { name: name.into(), data: data.into() }.append_to(&mut wasm);
        }
        wasm
    }
}

/// A number of variable length.
pub fn leb(value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// A text with its end.
pub fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// A unit whose forms begin at `abbreviations`.
pub fn unit(abbreviations: u32, entries: &[u8]) -> Vec<u8> {
    let length = (entries.len() as u32 + HEADER - 4).to_le_bytes();
    [&length[..], &[4, 0], &abbreviations.to_le_bytes(), &[4], entries].concat()
}

/// The first entry of a unit: addresses, its source, and where its line program is.
pub fn root((start, length): (u32, u32), name: &str, directory: &str, lines: u32) -> Vec<u8> {
    let addresses = [start.to_le_bytes(), length.to_le_bytes()].concat();
    [&[1][..], &addresses, &text(name), &text(directory), &lines.to_le_bytes()].concat()
}

/// A function that others refer to for its name.
pub fn declared(name: &str) -> Vec<u8> {
    [&[2][..], &text(name)].concat()
}

/// The same with a name in `.debug_str`.
pub fn declared_at(name: u32) -> Vec<u8> {
    [&[7][..], &name.to_le_bytes()].concat()
}

/// The same with the name of another one, at an offset in the unit.
pub fn declared_as(origin: u32) -> Vec<u8> {
    [&[8][..], &origin.to_le_bytes()].concat()
}

/// A function, which has children.
pub fn function((start, length): (u32, u32), name: &str) -> Vec<u8> {
    [&[3][..], &start.to_le_bytes(), &length.to_le_bytes(), &text(name)].concat()
}

/// The same with a list of addresses, and a name in any unit.
pub fn scattered(ranges: u32, name: u32) -> Vec<u8> {
    [&[5][..], &ranges.to_le_bytes(), &name.to_le_bytes()].concat()
}

/// A call of the function at offset `origin` of the unit that was inlined; it has children.
pub fn inlined((start, length): (u32, u32), origin: u32, (file, line): (u8, u8)) -> Vec<u8> {
    let addresses = [start.to_le_bytes(), length.to_le_bytes()].concat();
    [&[4][..], &addresses, &origin.to_le_bytes(), &[file, line]].concat()
}

/// A variable at a fixed address, with its type at an offset in the unit.
pub fn variable(name: &str, address: u32, ty: u32) -> Vec<u8> {
    [&[9][..], &text(name), &[5, 3], &address.to_le_bytes(), &ty.to_le_bytes()].concat()
}

/// A type of numbers of so many bytes.
pub fn base_type(name: &str, size: u8) -> Vec<u8> {
    [&[10][..], &text(name), &[size]].concat()
}

/// A block in a function, which has children.
pub fn block() -> Vec<u8> {
    vec![6]
}

/// A line program of one sequence. Files have the number of a directory, which counts from 1; rows an address, a file and a line.
pub fn lines(directories: &[&str], files: &[(&str, u8)], rows: &[(u32, u8, u32)], end: u32) -> Vec<u8> {
    let mut header = b"\x01\x01\x01\xfb\x0e\x0d\0\x01\x01\x01\x01\0\0\0\x01\0\0\x01".to_vec();
    directories.iter().for_each(|directory| header.extend(text(directory)));
    header.push(0);
    for (file, directory) in files {
        header.extend([text(file), vec![*directory, 0, 0]].concat());
    }
    header.push(0);
    let mut program = Vec::new();
    let set_address = |address: u32| [&[0, 5, 2][..], &address.to_le_bytes()].concat();
    let mut last = 1;
    for &(address, file, line) in rows {
        program.extend(set_address(address));
        program.extend([4, file, 3]);
        (i64::from(line) - last).encode(&mut program);
        last = i64::from(line);
        program.push(1);
    }
    program.extend([&set_address(end)[..], &[0, 1, 1]].concat());
    let length = (2 + 4 + header.len() + program.len()) as u32;
    let parts = [&length.to_le_bytes()[..], &[4, 0], &(header.len() as u32).to_le_bytes()].concat();
    [parts, header, program].concat()
}

/// The core module in a component that exports its `preinit` as `init`.
pub fn in_component(module: &[u8]) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    module.encode(&mut component);
    let rest = r#"(component (core module $m (func (export "preinit"))) (core instance $i (instantiate $m))
        (func (export "init") (canon lift (core func $i "preinit"))))"#;
    let rest = wat::parse_str(rest).expect("a component");
    let end_of_module = 8 + 2 + rest[9] as usize;
    component.extend_from_slice(&rest[end_of_module..]);
    component
}
