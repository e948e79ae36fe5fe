//! Links that are taken out of a module. Whoever made it shall not choose what is read or written through them later.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

use anyhow::bail;
use preinit::stages::PrintablePath;
use preinit::stages::printable::Printable;

/// As many links as Linux follows.
const FOLLOWED: usize = 40;

/// The longest path, as on Linux.
const LONGEST: usize = 4096;

/// Refuses links that lead out of the directory that all is written to, also by way of each other. `links` are their paths
/// there and what they hold; `others` are the paths of everything else.
pub fn check<'e>(
    links: &[(&'e Path, &'e str)],
    others: impl Iterator<Item = &'e Path>,
) -> anyhow::Result<()> {
    let mut targets = HashMap::new();
    for (path, target) in links {
        if targets.insert(*path, *target).is_some() {
            bail!("the module has two files `{}`", PrintablePath(path));
        }
    }
    // Else what a link is would depend on what is written first.
    let mut taken: HashSet<&Path> = HashSet::new();
    let above_links = links.iter().flat_map(|(path, _)| path.parent());
    for path in others.chain(above_links) {
        // What is above a path that is there is there too.
        path.ancestors().take_while(|above| taken.insert(above)).for_each(drop);
    }
    for (path, target) in links {
        if taken.contains(path) {
            bail!("the module has a link `{}`, and files below it", PrintablePath(path));
        }
        if !stays_inside(path, target, &targets) {
            let (path, target) = (PrintablePath(path), Printable(target));
            bail!(
                "the module has a link `{path}` to `{target}`, which leads out of the directory, or in a circle"
            );
        }
    }
    Ok(())
}

/// Whether the link leads to a place in the directory, wherever the links on its way lead.
fn stays_inside(path: &Path, target: &str, targets: &HashMap<&Path, &str>) -> bool {
    let Some(parent) = path.parent() else { return false };
    let mut at = parent.to_owned();
    // What is left to go, the next step last.
    let mut steps: Vec<Component<'_>> = Vec::new();
    let mut next = Some(target);
    let mut followed = 0;
    loop {
        if let Some(target) = next.take() {
            followed += 1;
            if target.len() > LONGEST || followed > FOLLOWED {
                return false;
            }
            steps.extend(Path::new(target).components().rev());
        }
        match steps.pop() {
            None => return true,
            Some(Component::CurDir) => {}
            Some(Component::ParentDir) => {
                if !at.pop() {
                    return false;
                }
            }
            Some(Component::Normal(name)) => {
                at.push(name);
                if let Some(target) = targets.get(at.as_path()) {
                    at.pop();
                    next = Some(target);
                }
            }
            Some(Component::RootDir | Component::Prefix(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::path::Path;

    fn is_refused(links: &[(&str, &str)], others: &[&str]) -> bool {
        let links: Vec<_> = links.iter().map(|(path, target)| (Path::new(*path), *target)).collect();
        check(&links, others.iter().map(Path::new)).is_err()
    }

    #[test]
    fn links_that_stay_inside_are_accepted() {
        assert!(!is_refused(&[("a/l", "../b/file"), ("m", "a/l"), ("n", "./a/../a/l")], &["b/file", "a"]));
        assert!(!is_refused(&[("l", "nothing/there"), ("a/b/top", "../.."), ("x", "a/b/top/a")], &["a/b"]));
    }

    #[test]
    fn links_that_lead_out_are_refused() {
        assert!(is_refused(&[("l", "/etc/passwd")], &[]));
        assert!(is_refused(&[("l", "..")], &[]));
        assert!(is_refused(&[("a/l", "../../x")], &["a"]));
        // Each stays inside by itself.
        assert!(is_refused(&[("a/l", ".."), ("x", "a/l/..")], &["a"]));
        assert!(is_refused(&[("a/b/l", "../.."), ("m", "a/b/l"), ("a/n", "../m/../secret")], &["a/b"]));
        assert!(is_refused(&[("l", "m"), ("m", "l")], &[]));
    }

    #[test]
    fn what_a_link_is_is_certain() {
        assert!(is_refused(&[("d", "a/b/c"), ("x", "d/../..")], &["d"]));
        assert!(is_refused(&[("d", "a/b/c"), ("x", "d/../..")], &["d/e/f"]));
        assert!(is_refused(&[("d", "a"), ("d/y", "..")], &[]));
        assert!(is_refused(&[("d", "a"), ("d", "b")], &[]));
    }
}
