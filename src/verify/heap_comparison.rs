use super::differences::Sink;
use super::memory_comparison::{describe_bytes, each_differing};
use preinit_core::snapshot::{Heap, Object, Shape, Value};

/// Compares objects in step. Both sides number them in the order of the same search, so objects with the same number must
/// be the same. After the first reference that differs, the numbers mean nothing.
pub(super) fn compare(original: &Heap, snapshot: &Heap, found: &mut Sink<'_>) {
    if original == snapshot {
        return;
    }
    for ((id, left), (_, right)) in original.objects().zip(snapshot.objects()) {
        if left == right {
            continue;
        }
        if (left.shape, left.len) != (right.shape, right.len) {
            let describe = |object: Object<'_>| format!("{:?} of {}", object.shape, object.len);
            found.add(|| format!("object.{id}"), || (describe(left), describe(right)));
            return;
        }
        each_differing(left.scalars, right.scalars, |range| {
            let describe = |bytes: &[u8]| describe_bytes(&bytes[range.clone()]);
            let key = || format!("object.{id}.{:#x}", range.start);
            found.add(key, || (describe(left.scalars), describe(right.scalars)));
        });
        let mut pairs = left.references.iter().zip(right.references).enumerate();
        if let Some((at, (left, right))) = pairs.find(|(_, (left, right))| left != right) {
            let key = || format!("object.{id}.reference.{at}");
            found.add(key, || (Value::Ref(*left), Value::Ref(*right)));
            return;
        }
    }
    if original.len() != snapshot.len() {
        let describe = |heap: &Heap| format!("{} objects", heap.len());
        found.add(|| "object.count".to_string(), || (describe(original), describe(snapshot)));
    }
}

/// The first objects, for messages.
pub(super) fn describe_objects(heap: &Heap) -> String {
    const SHOWN: usize = 4;
    let describe = |(id, object): (u32, Object<'_>)| {
        let kind = match object.shape {
            Shape::Struct(ty) => format!("struct of type {ty}"),
            Shape::Array(ty) => format!("array of type {ty}"),
            Shape::Exception(tag) => format!("exception of tag {tag}"),
            Shape::String => "string".to_string(),
            Shape::Call(function) => format!("result of function {function}"),
        };
        let mut parts = vec![format!("object {id} is a {kind}")];
        if !object.scalars.is_empty() {
            parts.push(format!("holds {}", describe_bytes(object.scalars)));
        }
        let references = object.references.iter().take(SHOWN);
        let references: Vec<String> = references.map(|r| Value::Ref(*r).to_string()).collect();
        if !references.is_empty() {
            parts.push(format!("points to {}", references.join(", ")));
        }
        parts.join(", ")
    };
    let mut shown: Vec<String> = heap.objects().take(SHOWN).map(describe).collect();
    if heap.len() > SHOWN {
        shown.push(format!("and {} more", heap.len() - SHOWN));
    }
    shown.join("; ")
}
