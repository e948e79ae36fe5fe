//! The subsections of the name section (spec appendix "Custom Sections" and the extended name section proposal).

use super::Module;
use wasm_encoder::{Encode, NameMap};
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// One subsection of the name section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameSubsection<'a> {
    pub id: u8,
    /// All of it, id and size included.
    pub raw: &'a [u8],
    contents: &'a [u8],
}

impl<'a> NameSubsection<'a> {
    pub const MODULE: u8 = 0;
    pub const FUNCTION: u8 = 1;
    pub const LOCAL: u8 = 2;
    pub const LABEL: u8 = 3;
    pub const ELEMENT: u8 = 8;
    pub const DATA: u8 = 9;

    /// The subsections of a name section; `None` if it is malformed.
    pub fn read_all(payload: &'a [u8]) -> Option<Vec<NameSubsection<'a>>> {
        let mut reader = BinaryReader::new(payload, 0);
        let mut subsections = Vec::new();
        while !reader.eof() {
            let start = reader.original_position();
            let id = reader.read_u8().ok()?;
            let len = reader.read_var_u32().ok()?;
            let contents = reader.read_bytes(len as usize).ok()?;
            subsections.push(NameSubsection {
                id,
                raw: &payload[start..reader.original_position()],
                contents,
            });
        }
        Some(subsections)
    }

    /// Appends a subsection.
    pub fn write(id: u8, map: &impl Encode, out: &mut Vec<u8>) {
        let mut contents = Vec::new();
        map.encode(&mut contents);
        out.push(id);
        contents.as_slice().encode(out);
    }

    /// What it says; `None` if it is malformed.
    pub fn parse(&self) -> Option<Name<'a>> {
        NameSectionReader::new(BinaryReader::new(self.raw, 0)).next()?.ok()
    }

    /// The names of functions or segments whose index is kept; `None` if the subsection is malformed or of another kind.
    pub fn retained(&self, is_kept: impl Fn(u32) -> bool) -> Option<NameMap> {
        let (Name::Function(names) | Name::Element(names) | Name::Data(names)) = self.parse()? else {
            return None;
        };
        let mut map = NameMap::new();
        for naming in names {
            let naming = naming.ok()?;
            if is_kept(naming.index) {
                map.append(naming.index, naming.name);
            }
        }
        Some(map)
    }
}

/// The name section with names for added functions, whose indices are above all others. A malformed one is left alone.
pub(super) fn with_functions(module: &Module<'_>, added: &[(u32, String)]) -> Option<Vec<u8>> {
    let payload = module.custom_section("name").unwrap_or_default();
    let mut functions = NameMap::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for subsection in NameSubsection::read_all(payload)? {
        match subsection.id {
            NameSubsection::FUNCTION => functions = subsection.retained(|_| true)?,
            NameSubsection::MODULE if after.is_empty() => before.push(subsection),
            _ => after.push(subsection),
        }
    }
    for (function, name) in added {
        functions.append(*function, name);
    }
    let mut out = Vec::with_capacity(payload.len() + 32 * added.len());
    let copy = |subsection: &NameSubsection<'_>, out: &mut Vec<u8>| {
        out.push(subsection.id);
        subsection.contents.encode(out);
    };
    before.iter().for_each(|subsection| copy(subsection, &mut out));
    NameSubsection::write(NameSubsection::FUNCTION, &functions, &mut out);
    after.iter().for_each(|subsection| copy(subsection, &mut out));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Patch;
    use crate::module::Space;

    const OTHER: u8 = 200;

    fn module_with(payload: &[u8]) -> Vec<u8> {
        let mut module = wasm_encoder::Module::new();
        module.section(&wasm_encoder::CustomSection { name: "name".into(), data: payload.into() });
        module.finish()
    }

    fn functions(names: &[(u32, &str)]) -> NameMap {
        let mut map = NameMap::new();
        names.iter().for_each(|(index, name)| map.append(*index, name));
        map
    }

    /// The ids of the subsections, and the names of functions, after `added` were named.
    fn named(payload: &[u8], added: &[(u32, String)]) -> (Vec<u8>, Vec<(u32, String)>) {
        let wasm = module_with(payload);
        let module = Module::parse(&wasm).unwrap();
        let mut patch = Patch::new(&module);
        patch.name_functions(added);
        let patched = patch.apply();
        let module = Module::parse(&patched).unwrap();
        let payload = module.custom_section("name").unwrap();
        let ids = NameSubsection::read_all(payload).unwrap().iter().map(|subsection| subsection.id).collect();
        let names = module.names();
        let names = (0..10).filter_map(|index| Some((index, names.get(Space::Function, index)?.to_string())));
        (ids, names.collect())
    }

    #[test]
    fn added_functions_get_names_and_the_rest_stays() {
        let mut payload = vec![NameSubsection::MODULE, 2, 1, b'm'];
        NameSubsection::write(NameSubsection::FUNCTION, &functions(&[(0, "a"), (2, "c")]), &mut payload);
        payload.extend([OTHER, 3, 7, 8, 9]);
        let (ids, names) = named(&payload, &[(3, "d".to_string())]);
        assert_eq!(ids, [NameSubsection::MODULE, NameSubsection::FUNCTION, OTHER]);
        assert_eq!(names, [(0, "a".to_string()), (2, "c".to_string()), (3, "d".to_string())]);
    }

    #[test]
    fn names_of_functions_come_after_that_of_the_module() {
        let (ids, _) = named(&[NameSubsection::MODULE, 2, 1, b'm', OTHER, 0], &[(0, "f".to_string())]);
        assert_eq!(ids, [NameSubsection::MODULE, NameSubsection::FUNCTION, OTHER]);
        let (ids, _) = named(&[OTHER, 0], &[(0, "f".to_string())]);
        assert_eq!(ids, [NameSubsection::FUNCTION, OTHER]);
        let (ids, _) = named(&[OTHER, 0, NameSubsection::MODULE, 2, 1, b'm'], &[(0, "f".to_string())]);
        assert_eq!(ids, [NameSubsection::FUNCTION, OTHER, NameSubsection::MODULE]);
        let (ids, names) = named(&[], &[(0, "f".to_string())]);
        assert_eq!((ids, names), (vec![NameSubsection::FUNCTION], vec![(0, "f".to_string())]));
    }

    #[test]
    fn a_malformed_name_section_is_left_alone() {
        for payload in [&[NameSubsection::FUNCTION, 5, 1][..], &[NameSubsection::FUNCTION, 2, 9, 0]] {
            let wasm = module_with(payload);
            let module = Module::parse(&wasm).unwrap();
            let mut patch = Patch::new(&module);
            patch.name_functions(&[(0, "f".to_string())]);
            assert_eq!(patch.apply(), wasm);
        }
    }

    #[test]
    fn only_names_of_kept_indices_are_retained() {
        let mut payload = Vec::new();
        NameSubsection::write(
            NameSubsection::DATA,
            &functions(&[(0, "a"), (1, "b"), (5, "c")]),
            &mut payload,
        );
        NameSubsection::write(NameSubsection::LOCAL, &functions(&[]), &mut payload);
        let all = NameSubsection::read_all(&payload).unwrap();
        let mut expected = Vec::new();
        NameSubsection::write(NameSubsection::DATA, &functions(&[(0, "a"), (5, "c")]), &mut expected);
        let mut retained = Vec::new();
        let map = all[0].retained(|index| index != 1).unwrap();
        NameSubsection::write(NameSubsection::DATA, &map, &mut retained);
        assert_eq!(retained, expected);
        assert!(all[1].retained(|_| true).is_none());
    }
}
