//! Every public item has an example, is used in the example of what it belongs to, or says why there is none.
//!
//! It belongs to its type, its trait, and the public modules around it. A reason begins with the words of [`NO_EXAMPLE`], in the
//! documentation of the item, or of what it belongs to.

use super::documents::Document;
use super::none;
use super::public_items::{Item, public_items};

/// How a reason begins.
const NO_EXAMPLE: &str = "No example:";

#[test]
fn every_public_item_has_an_example_or_a_reason() {
    let mut complaints = Vec::new();
    let mut items = 0;
    for root in ["src/lib.rs", "crates/core/src/lib.rs"] {
        for item in public_items(root) {
            items += 1;
            if !is_shown(&item) {
                complaints.push(format!(
                    "{root}: {} {} has no example, and says no reason",
                    item.kind,
                    item.path.join("::")
                ));
            }
        }
    }
    assert!(items > 300, "only {items} public items found");
    none(&complaints);
}

/// Whether the item has an example, is used in one of what it belongs to, or there is a reason.
fn is_shown(item: &Item) -> bool {
    let is_reason = |docs: &String| docs.contains(NO_EXAMPLE);
    let own = examples(&item.docs);
    let name = item.path.last().map_or("", String::as_str);
    !own.is_empty()
        || is_reason(&item.docs)
        || item.around.iter().any(is_reason)
        || item.around.iter().flat_map(|docs| examples(docs)).any(|example| uses(&example, name))
}

/// The code of the doctests in a text.
fn examples(docs: &str) -> Vec<String> {
    let blocks = Document::parse(docs).blocks.into_iter();
    let is_rust = |words: &str| {
        words.split(',').all(|word| ["", "rust", "no_run", "should_panic"].contains(&word.trim()))
    };
    blocks.filter(|(words, ..)| is_rust(words)).map(|(_, _, code)| code).collect()
}

/// Whether the name stands in the code as a word.
fn uses(code: &str, name: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

#[test]
fn items_without_examples_are_found() {
    let item = |docs: &str, around: &str| Item {
        kind: "method",
        path: vec!["Type".to_string(), "take".to_string()],
        docs: docs.to_string(),
        around: vec![around.to_string()],
    };
    let example = |code: &str| format!("Text.\n\n```\n{code}\n```\n");
    assert!(is_shown(&item(&example("f();"), "")));
    assert!(is_shown(&item("", &example("assert!(Type::new().take());"))));
    assert!(is_shown(&item("No example: it is internal.", "")) && is_shown(&item("", "No example: so.")));
    assert!(!is_shown(&item("", "")) && !is_shown(&item("", &example("taken(); mistake()"))));
    assert!(!is_shown(&item("```text\ntake\n```", "```ignore\ntake()\n```")));
}
