//! Names of functions as their sources have them.

use crate::bounded_text::BoundedText;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Longer names are left as they are, and so are those that would become longer: an encoded name can stand for one of
/// exponential length.
const MAX_NAME: usize = 4096;

/// A function's name in its source, if `name` is how compilers of Rust or C++ write it in a symbol.
pub(crate) fn demangled(name: &str) -> Cow<'_, str> {
    if name.len() > MAX_NAME {
        return Cow::Borrowed(name);
    }
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return bounded(|out| write!(out, "{rust:#}")).map_or(Cow::Borrowed(name), Cow::Owned);
    }
    if !name.starts_with("_Z") {
        return Cow::Borrowed(name);
    }
    let depth = cpp_demangle::ParseOptions::default().recursion_limit(depth(name));
    let Ok(symbol) = cpp_demangle::Symbol::new_with_options(name, &depth) else { return Cow::Borrowed(name) };
    let options = cpp_demangle::DemangleOptions::new().no_return_type();
    let cpp = bounded(|out| symbol.structured_demangle(out, &options));
    cpp.map_or(Cow::Borrowed(name), Cow::Owned)
}

/// How deep the rules may nest by which a name is read. The parser tries one way after the other, most of all in expressions, and
/// so takes time that is exponential in this. Measured with ten million random names: a millisecond at most; and of 96,000 real
/// ones, LLVM's among them, 95 in 100 are read.
fn depth(name: &str) -> u32 {
    /// What expressions stand in (Itanium C++ ABI, 5.1.5 and 5.1.6): arguments of templates, `decltype`, vectors, `noexcept`, integers
    /// of a width, and bounds of arrays. The letters can be those of an identifier, too.
    const WITH_EXPRESSIONS: [&str; 8] = ["X", "DT", "Dt", "Dv", "DO", "DB", "DU", "A"];
    match WITH_EXPRESSIONS.iter().any(|letters| name.contains(letters)) {
        true => 28,
        false => 48,
    }
}

/// What is written, unless that is too long.
fn bounded(write: impl FnOnce(&mut BoundedText) -> fmt::Result) -> Option<String> {
    let mut out = BoundedText::new(MAX_NAME);
    write(&mut out).ok()?;
    out.whole()
}

#[cfg(test)]
mod tests {
    use super::demangled;

    #[test]
    fn names_of_rust_and_cpp_are_readable() {
        for (name, expected) in [
            ("_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"),
            ("_RNvC6_123foo3bar", "123foo::bar"),
            ("_ZN5Shape4drawEid", "Shape::draw(int, double)"),
            (
                "_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backEOi",
                "std::__2::vector<int, std::__2::allocator<int> >::push_back(int&&)",
            ),
            ("_ZL6helperPKc", "helper(char const*)"),
            ("_ZN12_GLOBAL__N_14initEv", "(anonymous namespace)::init()"),
            ("_Z3addIiET_S0_S0_", "add<int>(int, int)"),
            ("main", "main"),
            ("_Z", "_Z"),
            ("_Zzz", "_Zzz"),
            ("$_Z3foov", "$_Z3foov"),
            ("", ""),
        ] {
            assert_eq!(demangled(name), expected);
        }
    }

    /// None of them would end.
    #[test]
    fn names_that_take_exponential_time_stay_as_they_are() {
        for (begin, part) in [
            ("_Z1fIX", "nw"),
            ("_Z1fIXte", "nw"),
            ("_Z1fIDO", "nw"),
            ("_Z1fDB", "na"),
            ("_ZTVDv", "nwfp_nw"),
            ("_Z1fDTfL", "ltda"),
            ("_Z1fIJfLS_", "IfLS_"),
        ] {
            for count in [35, 500] {
                let name = format!("{begin}{}iv", part.repeat(count));
                assert_eq!(demangled(&name), name);
            }
        }
    }

    #[test]
    fn types_in_types_are_readable() {
        let nested = (0..6).fold("i".to_string(), |inner, _| format!("St6vectorI{inner}SaIS_EE"));
        let readable = demangled(&format!("_Z1f{nested}")).into_owned();
        assert_eq!(readable.matches("std::vector<").count(), 6, "{readable}");
    }

    /// Each pair is two of the one before it, which is the second substitution since.
    #[test]
    fn names_that_would_be_too_long_stay_as_they_are() {
        let nested = |depth: u32| {
            let pairs = (0..depth).map(|k| {
                let id = std::char::from_digit(2 * k, 36).unwrap().to_ascii_uppercase();
                format!("St4pairIS{id}_S{id}_E")
            });
            format!("_Z1fSt4pairIiiE{}", pairs.collect::<String>())
        };
        assert_ne!(demangled(&nested(3)), nested(3));
        assert_eq!(demangled(&nested(18)), nested(18));
        let long = format!("_Z{}{}v", 5000, "a".repeat(5000));
        assert_eq!(demangled(&long), long);
    }
}
