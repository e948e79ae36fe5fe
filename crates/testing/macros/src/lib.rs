//! The `#[test]` attribute of `preinit-testing`.

use proc_macro::{TokenStream, TokenTree};

/// Registers a function as a test of the harness in `preinit-testing`: `#[test]`, or `#[test(needs(Inputs, Python))]` for
/// one that is ignored, with the reason, where something is missing. The needs are the variants of `preinit_testing::Need`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand(arguments, function)
        .unwrap_or_else(|message| format!("::core::compile_error!({message:?});").parse().unwrap_or_default())
}

fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream, String> {
    let needs = needs(arguments)?;
    let tokens: Vec<TokenTree> = function.clone().into_iter().collect();
    for attribute in ["ignore", "should_panic"] {
        if has_attribute(&tokens, attribute) {
            return Err(format!("the harness does not know #[{attribute}]"));
        }
    }
    let keyword = tokens.iter().position(|token| token.to_string() == "fn").ok_or("a test is a function")?;
    let name = tokens.get(keyword + 1).ok_or("a test has a name")?;
    let registration = format!(
        "::preinit_testing::inventory::submit! {{ ::preinit_testing::Test {{
            module: ::core::module_path!(),
            name: ::core::stringify!({name}),
            needs: {{ #[allow(unused_imports, reason = \"most tests need nothing\")] use ::preinit_testing::Need::*; &[{needs}] }},
            run: {name},
        }} }}"
    );
    let mut out = function;
    out.extend(registration.parse::<TokenStream>().map_err(|error| error.to_string())?);
    Ok(out)
}

/// What stands in `needs(…)`.
fn needs(arguments: TokenStream) -> Result<TokenStream, String> {
    let tokens: Vec<TokenTree> = arguments.into_iter().collect();
    match tokens.as_slice() {
        [] => Ok(TokenStream::new()),
        [TokenTree::Ident(word), TokenTree::Group(group)] if word.to_string() == "needs" => {
            Ok(group.stream())
        }
        _ => Err("expected #[test] or #[test(needs(…))]".to_string()),
    }
}

fn has_attribute(tokens: &[TokenTree], name: &str) -> bool {
    tokens.windows(2).any(|pair| match pair {
        [TokenTree::Punct(hash), TokenTree::Group(group)] if hash.as_char() == '#' => {
            group.stream().into_iter().next().is_some_and(|first| first.to_string() == name)
        }
        _ => false,
    })
}
