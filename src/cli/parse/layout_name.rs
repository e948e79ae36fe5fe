//! The name of a layout.

use preinit::Layout;

/// A layout as typed.
pub fn parse(text: &str) -> Result<Layout, String> {
    match text {
        "auto" => Ok(Layout::Auto),
        "compact" => Ok(Layout::Compact),
        "mappable" => Ok(Layout::Mappable),
        "sparse" => Ok(Layout::Sparse),
        _ => Err("expected `auto`, `compact`, `mappable` or `sparse`".to_owned()),
    }
}
