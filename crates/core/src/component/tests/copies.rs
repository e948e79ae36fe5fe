use super::super::{Component, ComponentError};
use super::{binary, printed};

/// The modules that the core instances of `wasm` are made of, in their order.
fn made_of(wasm: &[u8]) -> Vec<Vec<u8>> {
    let component = Component::parse(wasm).unwrap();
    let instances = component.elaborate().unwrap();
    instances.iter().map(|instance| component.modules()[instance.module].bytes.to_vec()).collect()
}

/// A module that is told from others by a number.
fn numbered(number: usize) -> Vec<u8> {
    binary(&format!("(module (memory {number}))"))
}

/// Lets the core instances of a component begin as modules with these numbers.
fn with_numbers(text: &str, numbers: &[usize]) -> Result<Vec<u8>, ComponentError> {
    let wasm = binary(text);
    let encoded: Vec<_> = numbers.iter().copied().map(numbered).collect();
    let out = Component::parse(&wasm).unwrap().with_instances(&encoded)?;
    assert_eq!(made_of(&out), encoded);
    Ok(out)
}

const TWICE: &str = r#"
    (component
      (core module $before)
      (core module $m (memory 1))
      (core module $after (memory 1))
      (core instance (instantiate $m))
      (core instance (instantiate $after))
      (core instance (instantiate $m))
      (core instance (instantiate $m))
      (core module $unused)
      (export "other" (core module $unused)))"#;

#[test]
fn equal_instances_share_their_module_and_others_get_copies() {
    let shared = with_numbers(TWICE, &[1, 2, 1, 1]).unwrap();
    assert_eq!(Component::parse(&shared).unwrap().modules().len(), 4);
    let split = with_numbers(TWICE, &[1, 2, 3, 1]).unwrap();
    let component = Component::parse(&split).unwrap();
    let modules: Vec<_> = component.modules().iter().map(|module| module.bytes.to_vec()).collect();
    let unchanged = |name| binary(&format!("(module ${name})"));
    assert_eq!(modules, [unchanged("before"), numbered(1), numbered(3), numbered(2), unchanged("unused")]);
    // The export still means the same module.
    assert!(printed(&split).contains("other module 4"), "{}", printed(&split));
}

#[test]
fn a_module_that_others_can_instantiate_is_not_changed() {
    for export in [
        r#"(export "m" (core module $m))"#,
        r#"(component $c (core module $n) (core instance (instantiate $n))) (instance (instantiate $c)) (export "c" (component $c))"#,
        r#"(instance $i (export "m" (core module $m))) (export "i" (instance $i))"#,
    ] {
        let text = format!("(component (core module $m) (core instance (instantiate $m)) {export})");
        let wasm = binary(&text);
        let component = Component::parse(&wasm).unwrap();
        let same = made_of(&wasm);
        assert_eq!(component.with_instances(&same).unwrap(), wasm);
        let other = vec![numbered(1); same.len()];
        assert!(matches!(component.with_instances(&other), Err(ComponentError::Exported { .. })), "{export}");
    }
}

#[test]
fn names_of_modules_move_with_their_copies() {
    let split = with_numbers(TWICE, &[1, 2, 3, 4]).unwrap();
    let bare = Component::parse(&split).unwrap();
    let names: Vec<_> = bare.modules().iter().map(|module| module.name).collect();
    assert_eq!(names, [Some("before"), Some("m"), None, None, Some("after"), Some("unused")]);
}

/// A module of the outermost component in nested ones of two levels, which have several instances.
const ALIASES: &str = r#"
    (component $root
      (core module $first)
      (core module $m)
      (core module $last)
      (component $c
        (alias outer $root $m (core module $m2))
        (alias outer $root $last (core module $last2))
        (core instance (instantiate $m2))
        (component $inner
          (alias outer $c $m2 (core module $m3))
          (core instance (instantiate $m3))
          (alias outer $c $last2 (core module $last3))
          (core instance (instantiate $last3)))
        (instance (instantiate $inner))
        (core instance (instantiate $m2)))
      (component $d
        (alias outer $root $c (component $c2))
        (instance (instantiate $c2)))
      (core instance (instantiate $m))
      (instance (instantiate $c))
      (instance (instantiate $d))
      (instance (instantiate $c)))"#;

#[test]
fn copies_are_found_through_aliases() {
    // The outermost, then for each of three instances of `$c`: own, inner, `$last`, own.
    let equal: Vec<usize> = [&[1][..], &[2, 3, 9, 4], &[2, 3, 9, 4], &[2, 3, 9, 4]].concat();
    let out = with_numbers(ALIASES, &equal).unwrap();
    let component = Component::parse(&out).unwrap();
    assert_eq!(component.modules().len(), 2 + 4, "`$c` stands there once");
    let different: Vec<usize> = [&[1][..], &[2, 3, 9, 4], &[5, 3, 9, 4], &[2, 6, 8, 7]].concat();
    with_numbers(ALIASES, &different).unwrap();
    let some: Vec<usize> = [&[1][..], &[1, 1, 9, 1], &[1, 1, 9, 1], &[1, 1, 9, 2]].concat();
    let out = with_numbers(ALIASES, &some).unwrap();
    assert_eq!(Component::parse(&out).unwrap().modules().len(), 4);
}

#[test]
fn any_states_can_be_put_back() {
    for seed in 0..200usize {
        let mut state = seed.wrapping_mul(2_654_435_761) + 1;
        let mut numbers = [0; 13];
        for number in &mut numbers {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *number = (state >> 33) % (2 + seed % 3);
        }
        with_numbers(ALIASES, &numbers).unwrap();
    }
}

#[test]
fn a_module_that_is_handed_over_has_no_copies() {
    let text = r#"
        (component
          (core module $m)
          (component $takes (import "m" (core module $m)) (core instance (instantiate $m)))
          (instance (instantiate $takes (with "m" (core module $m))))
          (instance (instantiate $takes (with "m" (core module $m)))))"#;
    with_numbers(text, &[3, 3]).unwrap();
    let module = "core module 0 (`m`)".to_string();
    assert_eq!(with_numbers(text, &[3, 4]), Err(ComponentError::InstancesDiffer { module }));
}

#[test]
fn a_module_is_meant_by_its_export_too() {
    let text = r#"
        (component
          (component $c
            (core module $m)
            (export $again "m" (core module $m))
            (core instance (instantiate $again))
            (core instance (instantiate $m))
            (core instance (instantiate $again)))
          (instance (instantiate $c)))"#;
    with_numbers(text, &[1, 2, 3]).unwrap();
    with_numbers(text, &[2, 2, 3]).unwrap();
}

#[test]
fn aliases_in_several_sections_keep_their_places() {
    let text = r#"
        (component $root
          (core module $m)
          (core module $second)
          (core module $third)
          (component $c
            (alias outer $root $m (core module $m2))
            (core instance (instantiate $m2))
            (core instance (instantiate $m2))
            (alias outer $root $second (core module $s))
            (core instance (instantiate $s))
            (alias outer $root $third (core module $t))
            (core instance (instantiate $t)))
          (instance (instantiate $c)))"#;
    with_numbers(text, &[1, 2, 8, 9]).unwrap();
}
