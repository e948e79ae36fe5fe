//! The name of a layout.

use preinit::layout::Layout;

/// A layout as typed.
pub fn parse(text: &str) -> Result<Layout, String> {
    match text {
        "auto" => Ok(Layout::Auto),
        "compact" => Ok(Layout::Compact),
        "mappable" => Ok(Layout::Mappable),
        _ => Err("expected `auto`, `compact` or `mappable`".to_owned()),
    }
}
