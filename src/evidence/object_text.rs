//! Text in objects of the heap: in arrays of numbers, each a character or a part of one, and in strings.

use memchr::memmem;
use preinit_core::module::Module;
use preinit_core::snapshot::{Heap, Object, Shape};
use std::cell::LazyCell;
use wasmparser::{CompositeInnerType, StorageType, ValType};

/// A text in the forms that it has in arrays, by the bytes that an element takes: UTF-8, UTF-16 and UTF-32.
pub(super) struct ObjectText {
    forms: Vec<(usize, Vec<u8>)>,
}

impl ObjectText {
    /// What is no text is looked for as it is.
    pub fn of(bytes: &[u8]) -> ObjectText {
        let mut forms = vec![(1, bytes.to_vec())];
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // Cut within a character.
            Err(error) if error.error_len().is_none() => str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
            Err(_) => None,
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            forms.push((2, text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
            forms.push((4, text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect()));
        }
        ObjectText { forms }
    }

    /// Tells of the objects that it is in, each as often as it is there. What data segments of the module hold is the module's own.
    pub fn each_object(&self, module: &Module<'_>, heap: &Heap, mut found: impl FnMut(u32)) {
        let is_own = LazyCell::new(|| self.is_in_data(module));
        for (width, form) in &self.forms {
            let (finder, scalars) = (memmem::Finder::new(form), heap.scalars());
            let mut from = 0;
            while let Some(at) = finder.find(&scalars[from..]).map(|at| from + at) {
                let Some((id, range)) = heap.object_of_scalar(at) else { break };
                let is_inside = at + form.len() <= range.end;
                let is_here = is_inside
                    && (at - range.start).is_multiple_of(*width)
                    && element_width(module, heap.object(id)) == Some(*width);
                if is_here && *is_own {
                    return;
                }
                if is_here {
                    found(id);
                }
                from = match (is_here, is_inside) {
                    (true, _) => at + form.len(),
                    (false, true) => at + 1,
                    // Nor is it whole in the rest of this object.
                    (false, false) => range.end,
                };
            }
        }
    }

    fn is_in_data(&self, module: &Module<'_>) -> bool {
        self.forms.iter().any(|(_, form)| {
            let finder = memmem::Finder::new(form);
            module.data.iter().any(|data| finder.find(data.bytes).is_some())
        })
    }
}

/// The bytes of each element, if it can be a character.
fn element_width(module: &Module<'_>, object: Object<'_>) -> Option<usize> {
    match object.shape {
        Shape::String => Some(2),
        Shape::Array(ty) => match module.composite(ty)? {
            CompositeInnerType::Array(array) => match array.0.element_type {
                StorageType::I8 => Some(1),
                StorageType::I16 => Some(2),
                StorageType::Val(ValType::I32) => Some(4),
                StorageType::Val(_) => None,
            },
            _ => None,
        },
        Shape::Struct(_) | Shape::Exception(_) | Shape::Call(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ObjectText;
    use preinit_core::module::Module;
    use preinit_core::snapshot::{Heap, Shape};

    fn heap(objects: &[(Shape, &[u8])]) -> Heap {
        let mut heap = Heap::default();
        for (shape, bytes) in objects {
            let fill = |scalars: &mut Vec<u8>, _: &mut Vec<_>| {
                scalars.extend_from_slice(bytes);
                Ok::<(), ()>(())
            };
            heap.push(*shape, bytes.len() as u32, fill).unwrap();
        }
        heap
    }

    fn found_in(text: &[u8], module: &Module<'_>, heap: &Heap) -> Vec<u32> {
        let mut found = Vec::new();
        ObjectText::of(text).each_object(module, heap, |id| found.push(id));
        found
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    const TYPES: &str =
        "(type (array i8)) (type (array i16)) (type (array i32)) (type (array i64)) (type (struct))";

    #[test]
    fn text_is_found_in_each_form_and_within_one_object_only() {
        let wasm = wat::parse_str(format!("(module {TYPES})")).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let text = "geheimä!";
        let wide: Vec<u8> = text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
        let (narrow, double) = (text.as_bytes(), utf16(text));
        let odd = [&[7], &double[..]].concat();
        let twice = [narrow, b" ", narrow].concat();
        let objects: [(Shape, &[u8]); 12] = [
            (Shape::Array(0), narrow),
            (Shape::Array(0), &narrow[..5]),
            (Shape::Array(0), &narrow[5..]),
            (Shape::Array(1), &double),
            (Shape::Array(1), &odd),
            (Shape::Array(2), &wide),
            (Shape::String, &double),
            (Shape::Array(0), &double),
            (Shape::Array(3), narrow),
            (Shape::Struct(4), narrow),
            (Shape::Array(0), &twice),
            (Shape::Array(0), b""),
        ];
        let heap = heap(&objects);
        assert_eq!(found_in(narrow, &module, &heap), [0, 10, 10, 3, 6, 5]);
        // Cut in the middle of a character.
        assert_eq!(found_in(&narrow[..7], &module, &heap), [0, 10, 10, 3, 6, 5]);
        assert!(found_in(b"\xff\xfe geheim", &module, &heap).is_empty());
    }

    #[test]
    fn what_the_module_has_itself_is_not_of_the_build() {
        let wasm = wat::parse_str(format!(r#"(module {TYPES} (data "a geheim b"))"#)).unwrap();
        let module = Module::parse(&wasm).unwrap();
        let double = utf16("geheim b, c");
        let heap = heap(&[(Shape::Array(0), b"a geheim b"), (Shape::Array(1), &double)]);
        assert!(found_in(b"geheim b", &module, &heap).is_empty());
        assert_eq!(found_in(b"geheim b, c", &module, &heap), [1]);
    }
}
