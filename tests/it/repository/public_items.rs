//! What a crate shows to others, found in its source: items of public modules, and those that they re-export from private ones.

use super::read;
use std::path::{Path, PathBuf};
use syn::{Attribute, Expr, ExprLit, ImplItem, Lit, Meta, TraitItem, UseTree, Visibility};

/// A struct, enum, trait, function or method.
pub struct Item {
    pub kind: &'static str,
    /// From the crate's root, without it.
    pub path: Vec<String>,
    pub docs: String,
    /// The documentation of what it belongs to: its type or trait, and the public modules around it.
    pub around: Vec<String>,
}

/// A module with what stands in it.
struct Module {
    name: String,
    is_public: bool,
    docs: String,
    items: Vec<syn::Item>,
    modules: Vec<Module>,
}

/// All public items of a crate, by the file of its root.
pub fn public_items(root: &str) -> Vec<Item> {
    let root = Path::new(root);
    let file = syn::parse_file(&read(root)).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let folder = root.parent().unwrap_or(Path::new(""));
    let tree = module("crate", true, (docs(&file.attrs, folder), file.items), folder);
    let mut items = Vec::new();
    collect(&tree, &tree, (&mut Vec::new(), &mut Vec::new()), &mut items);
    items
}

fn module(name: &str, is_public: bool, (docs, items): (String, Vec<syn::Item>), folder: &Path) -> Module {
    let mut module =
        Module { name: name.to_string(), is_public, docs, items: Vec::new(), modules: Vec::new() };
    for item in items {
        match item {
            syn::Item::Mod(inner) if !is_test(&inner.attrs) => module.modules.extend(nested(inner, folder)),
            item => module.items.push(item),
        }
    }
    module
}

/// A module in the file, or in a file of its own. Of two with a name, under different features, the one without a path counts.
fn nested(inner: syn::ItemMod, folder: &Path) -> Option<Module> {
    let name = inner.ident.to_string();
    if inner.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
        return None;
    }
    let is_public = matches!(inner.vis, Visibility::Public(_)) && !is_hidden(&inner.attrs);
    let below = folder.join(&name);
    let mut text = docs(&inner.attrs, folder);
    let items = match inner.content {
        Some((_, items)) => items,
        None => {
            let candidates = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
            let is_there = |path: &&PathBuf| preinit_testing::repository().join(path).exists();
            let path = candidates.iter().find(is_there).unwrap_or_else(|| panic!("no file of module {name}"));
            let file =
                syn::parse_file(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            text.push_str(&docs(&file.attrs, &below));
            file.items
        }
    };
    Some(module(&name, is_public, (text, items), &below))
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "test")
    })
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc")
            && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "hidden")
    })
}

/// The documentation of an item; a page that is included is read.
fn docs(attributes: &[Attribute], folder: &Path) -> String {
    let mut docs = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(value) = &attribute.meta else { continue };
        match &value.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => {
                let line = line.value();
                docs.push_str(line.strip_prefix(' ').unwrap_or(&line));
                docs.push('\n');
            }
            Expr::Macro(include) => {
                let path: syn::LitStr = include.mac.parse_body().expect("a path");
                docs.push_str(&read(&folder.join(path.value())));
            }
            _ => {}
        }
    }
    docs
}

type Place<'p> = (&'p mut Vec<String>, &'p mut Vec<String>);

/// Collects what `module` shows. The place is its path, and the documentation of the modules around.
fn collect(root: &Module, module: &Module, (path, around): Place<'_>, items: &mut Vec<Item>) {
    around.push(module.docs.clone());
    for item in &module.items {
        match item {
            syn::Item::Use(found)
                if matches!(found.vis, Visibility::Public(_)) && !is_hidden(&found.attrs) =>
            {
                let mut names = Vec::new();
                leaves(&found.tree, &mut Vec::new(), &mut names);
                for name in names {
                    if let Some((home, item)) = resolve(root, module, path, &name) {
                        add(root, item, (path, around), (&home.docs, items));
                    }
                }
            }
            item => add(root, item, (path, around), (&String::new(), items)),
        }
    }
    for inner in module.modules.iter().filter(|inner| inner.is_public) {
        path.push(inner.name.clone());
        collect(root, inner, (path, around), items);
        path.pop();
    }
    around.pop();
}

/// The paths that a `use` names. What is renamed, or all of a module, is not followed.
fn leaves(tree: &UseTree, before: &mut Vec<String>, names: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            leaves(&path.tree, before, names);
            before.pop();
        }
        UseTree::Name(name) => {
            names.push(before.iter().cloned().chain([name.ident.to_string()]).collect());
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, names)),
        UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

/// The item that a path means in a module, and the module that it stands in; `None` if it is another crate's.
fn resolve<'m>(
    root: &'m Module,
    module: &'m Module,
    path: &[String],
    name: &[String],
) -> Option<(&'m Module, &'m syn::Item)> {
    let mut at = module;
    let (last, before) = name.split_last()?;
    for (k, step) in before.iter().enumerate() {
        at = match step.as_str() {
            "crate" => root,
            "self" => at,
            "super" => {
                let above = path.len().checked_sub(k + 1)?;
                path[..above].iter().try_fold(root, |at, name| child(at, name))?
            }
            step => child(at, step)?,
        };
    }
    if let Some(item) = at.items.iter().find(|item| named(item).is_some_and(|name| *name == **last)) {
        return Some((at, item));
    }
    // Re-exported once more.
    at.items.iter().find_map(|item| {
        let syn::Item::Use(found) = item else { return None };
        let mut names = Vec::new();
        leaves(&found.tree, &mut Vec::new(), &mut names);
        let name = names.into_iter().find(|name| name.last() == Some(last))?;
        (name.len() > 1).then(|| resolve(root, at, &[], &name)).flatten()
    })
}

fn child<'m>(module: &'m Module, name: &str) -> Option<&'m Module> {
    module.modules.iter().find(|inner| inner.name == name)
}

fn named(item: &syn::Item) -> Option<&syn::Ident> {
    match item {
        syn::Item::Struct(item) => Some(&item.ident),
        syn::Item::Enum(item) => Some(&item.ident),
        syn::Item::Trait(item) => Some(&item.ident),
        syn::Item::Fn(item) => Some(&item.sig.ident),
        _ => None,
    }
}

/// Adds a public item, and the public methods of a type. `home` is the documentation of the private module that it stands in.
fn add(
    root: &Module,
    item: &syn::Item,
    (path, around): (&[String], &[String]),
    (home, items): (&String, &mut Vec<Item>),
) {
    let (kind, attributes, visibility) = match item {
        syn::Item::Struct(item) => ("struct", &item.attrs, &item.vis),
        syn::Item::Enum(item) => ("enum", &item.attrs, &item.vis),
        syn::Item::Trait(item) => ("trait", &item.attrs, &item.vis),
        syn::Item::Fn(item) => ("function", &item.attrs, &item.vis),
        _ => return,
    };
    let Some(name) =
        named(item).filter(|_| matches!(visibility, Visibility::Public(_)) && !is_hidden(attributes))
    else {
        return;
    };
    let name = name.to_string();
    let text = docs(attributes, Path::new(""));
    let mut around = around.to_vec();
    around.push(home.clone());
    let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
    let mut methods = Vec::new();
    if let syn::Item::Trait(item) = item {
        methods.extend(item.items.iter().filter_map(|item| match item {
            TraitItem::Fn(method) => Some((method.sig.ident.to_string(), docs(&method.attrs, Path::new("")))),
            _ => None,
        }));
    } else if kind != "function" {
        methods_of(root, &name, &mut methods);
    }
    for (method, docs) in methods {
        let path = path.iter().cloned().chain([method]).collect();
        let around = around.iter().cloned().chain([text.clone()]).collect();
        items.push(Item { kind: "method", path, docs, around });
    }
    items.push(Item { kind, path, docs: text, around });
}

/// The public methods of all types of this name: two that are public have different ones.
fn methods_of(module: &Module, name: &str, methods: &mut Vec<(String, String)>) {
    for item in &module.items {
        let syn::Item::Impl(found) = item else { continue };
        let is_of_type = matches!(&*found.self_ty, syn::Type::Path(path)
            if path.path.segments.last().is_some_and(|segment| segment.ident == name));
        if !is_of_type || found.trait_.is_some() {
            continue;
        }
        methods.extend(found.items.iter().filter_map(|item| match item {
            ImplItem::Fn(method)
                if matches!(method.vis, Visibility::Public(_)) && !is_hidden(&method.attrs) =>
            {
                Some((method.sig.ident.to_string(), docs(&method.attrs, Path::new(""))))
            }
            _ => None,
        }));
    }
    module.modules.iter().for_each(|inner| methods_of(inner, name, methods));
}
