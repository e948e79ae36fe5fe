//! Links of the documents lead somewhere, and every page is in the summary.

use super::{files, none, read};
use preinit_testing::repository;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What the rules want to know of a document.
#[derive(Default)]
pub struct Document {
    /// Targets of links and pictures, with lines.
    links: Vec<(usize, String)>,
    /// What links can name after a `#`.
    anchors: BTreeSet<String>,
    /// Words after the fence, line and text.
    pub blocks: Vec<(String, usize, String)>,
}

impl Document {
    pub fn parse(text: &str) -> Document {
        let mut document = Document::default();
        let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
        let (mut heading, mut block) = (None, None);
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line, dest_url.to_string()));
                }
                Event::Html(html) | Event::InlineHtml(html) => document.html(&html, line),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let count = repeated.entry(anchor.clone()).or_default();
                    let suffix = if *count == 0 { String::new() } else { format!("-{count}") };
                    document.anchors.insert(format!("{anchor}{suffix}"));
                    *count += 1;
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(words))) => {
                    block = Some((words.to_string(), line, String::new()));
                }
                Event::End(TagEnd::CodeBlock) => document.blocks.extend(block.take()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                    if let Some((_, _, block)) = &mut block {
                        block.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        document
    }

    fn html(&mut self, html: &str, line: usize) {
        for attribute in ["src=\"", "srcset=\"", "href=\""] {
            let values = html.split(attribute).skip(1).filter_map(|rest| rest.split_once('"'));
            self.links.extend(values.map(|(value, _)| (line, value.to_string())));
        }
        for attribute in ["id=\"", "name=\""] {
            let values = html.split(attribute).skip(1).filter_map(|rest| rest.split_once('"'));
            self.anchors.extend(values.map(|(value, _)| value.to_string()));
        }
    }
}

/// As code hosts make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

pub fn all() -> Vec<PathBuf> {
    files(&["."], "md").iter().map(|path| path.strip_prefix(".").unwrap_or(path).to_path_buf()).collect()
}

#[test]
fn links_lead_somewhere() {
    let documents: BTreeMap<PathBuf, Document> =
        all().into_iter().map(|path| (path.clone(), Document::parse(&read(&path)))).collect();
    let mut complaints = Vec::new();
    for (path, document) in &documents {
        for (line, link) in &document.links {
            if let Some(what) = broken(path, link, &documents) {
                complaints.push(format!("{}:{line}: `{link}`: {what}", path.display()));
            }
        }
    }
    let links: usize = documents.values().map(|document| document.links.len()).sum();
    assert!(links > 100, "only {links} links found");
    none(&complaints);
}

/// What is wrong with a link, as far as it can be known without a network.
fn broken(from: &Path, link: &str, documents: &BTreeMap<PathBuf, Document>) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = match file {
        "" => from.to_path_buf(),
        file => match normal(&from.parent().unwrap_or(Path::new("")).join(file)) {
            Some(target) => target,
            None => return Some("leaves the repository".to_string()),
        },
    };
    if !documents.contains_key(&target) && !repository().join(&target).exists() {
        return Some("there is no such file".to_string());
    }
    let anchor = anchor?;
    match documents.get(&target) {
        Some(document) => {
            (!document.anchors.contains(anchor)).then(|| "there is no such heading".to_string())
        }
        None => Some("an anchor in something that is no document".to_string()),
    }
}

/// Without `..`; `None` if it leads out.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => normal.pop().then_some(())?,
            Component::Normal(part) => normal.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

#[test]
fn every_page_is_in_the_summary() {
    let summary = Document::parse(&read(Path::new("docs/SUMMARY.md")));
    let listed: BTreeSet<PathBuf> =
        summary.links.iter().map(|(_, link)| Path::new("docs").join(link)).collect();
    let pages = all().into_iter().filter(|path| path.starts_with("docs") && !path.ends_with("SUMMARY.md"));
    let missing: Vec<String> =
        pages.filter(|page| !listed.contains(page)).map(|page| page.display().to_string()).collect();
    none(&missing);
}

#[test]
fn broken_links_are_found() {
    let text = "# One, *two* `three`\n## Same\n## Same\n\n[a](#one-two-three) [b](#same-1) [c](#same-2) [d](gone.md)\n\
                <img src=\"gone.svg\"> [e](../README.md) [f](README.md#features-x) [g](README.md#there)\n\n```sh\n[h](gone)\n```\n";
    let documents = BTreeMap::from([
        (PathBuf::from("here.md"), Document::parse(text)),
        (PathBuf::from("README.md"), Document::parse("# There\n")),
    ]);
    let links = &documents[Path::new("here.md")].links;
    let found = links.iter().filter(|(_, link)| broken(Path::new("here.md"), link, &documents).is_some());
    let found: Vec<&str> = found.map(|(_, link)| link.as_str()).collect();
    assert_eq!(found, ["#same-2", "gone.md", "gone.svg", "../README.md", "README.md#features-x"]);
    assert!(broken(Path::new("docs/here.md"), "../README.md#there", &documents).is_none());
}
