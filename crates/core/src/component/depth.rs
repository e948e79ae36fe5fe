use super::ComponentError;
use wasmparser::{BinaryReader, ComponentType, ComponentTypeDeclaration, Parser, Payload, Result};

/// How deep components may be nested, and types of components and instances. Nobody who writes them comes near; the binary format
/// has no limit, and who reads such a type reads what is in it by recursion.
const MOST_NESTED: usize = 100;

/// Refuses what is nested so deep that others would run out of stack. Nothing else may read a component that was not looked at
/// here.
///
/// # Errors
/// [`ComponentError::Deep`]; [`ComponentError::Malformed`], if there are no sections.
///
/// ```
/// use preinit_core::component::check_depth;
///
/// check_depth(b"\0asm\x0d\0\x01\0")?;
/// # Ok::<(), preinit_core::component::ComponentError>(())
/// ```
pub fn check_depth(bytes: &[u8]) -> std::result::Result<(), ComponentError> {
    let deep = Err(ComponentError::Deep { most: MOST_NESTED });
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ComponentSection { .. } => depth += 1,
            // Of the outermost component, and of modules, which end too, there is nothing to take away.
            Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentTypeSection(types) => {
                let range = types.range();
                let contents = bytes.get(range.clone()).unwrap_or_default();
                // What is wrong with a type the validator says, which comes to the same place.
                if is_deep(&mut BinaryReader::new(contents, range.start)).unwrap_or(false) {
                    return deep;
                }
            }
            _ => {}
        }
        if depth > MOST_NESTED {
            return deep;
        }
    }
    Ok(())
}

/// Whether types of a section are nested too deep. Reads without recursion.
fn is_deep(reader: &mut BinaryReader<'_>) -> Result<bool> {
    const COMPONENT: u8 = 0x41;
    const INSTANCE: u8 = 0x42;
    const TYPE: u8 = 0x01;
    // What is left of the section, and of each type that has been begun.
    let mut left = vec![reader.read_var_u32()?];
    while let Some(count) = left.last_mut() {
        let Some(rest) = count.checked_sub(1) else {
            left.pop();
            continue;
        };
        *count = rest;
        if left.len() > 1 {
            if reader.clone().read_u8()? != TYPE {
                reader.read::<ComponentTypeDeclaration<'_>>()?;
                continue;
            }
            reader.read_u8()?;
        }
        match reader.clone().read_u8()? {
            COMPONENT | INSTANCE => {
                reader.read_u8()?;
                left.push(reader.read_var_u32()?);
            }
            _ => drop(reader.read::<ComponentType<'_>>()?),
        }
        if left.len() > MOST_NESTED {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::section::{HEADER, id};
    use wasm_encoder::Encode;

    /// A component with these sections.
    fn component(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        for (id, contents) in sections {
            bytes.push(*id);
            contents.encode(&mut bytes);
        }
        bytes
    }

    #[test]
    fn what_is_nested_deep_is_refused() {
        for (kind, innermost) in [(0x41, &[0x41u8, 0][..]), (0x42, &[0x42, 0]), (0x42, &[0x70, 0x7f])] {
            for (depth, is_refused) in [(3, false), (98, false), (101, true), (1_000_000, true)] {
                // Before it there are declarations of other kinds.
                let open = [kind, 2, 4, 0, 1, b'x', 1, 0, 1];
                let types = [&[1u8][..], &open.repeat(depth), innermost].concat();
                let checked = check_depth(&component(&[(id::TYPE, &types)]));
                let expected = is_refused.then_some(ComponentError::Deep { most: MOST_NESTED });
                assert_eq!(checked.err(), expected, "{kind:#x}, {depth}");
            }
            let nested = [&[1u8][..], &[kind, 1, 1].repeat(101), innermost].concat();
            let nested = component(&[(id::TYPE, &nested)]);
            let inside = component(&[(id::COMPONENT, &nested), (id::TYPE, &[1, 0x42, 0])]);
            assert!(matches!(check_depth(&inside), Err(ComponentError::Deep { .. })));
        }
    }

    #[test]
    fn mistakes_are_left_to_the_validator() {
        for types in [&[1u8, 0x41, 1, 9][..], &[9], &[1, 0x42, 0xff, 0xff, 0xff, 0xff, 0xf], &[1, 0x41, 1, 1]]
        {
            assert_eq!(check_depth(&component(&[(id::TYPE, types)])), Ok(()), "{types:?}");
        }
    }
}
