//! Values of secrets in the snapshot, all looked for at once.

use super::needles::{HEAD, Needles};
use super::secret_values::{Interest, each_value};
use super::value_forms::EncodedText;
use crate::evidence::Evidence;
use crate::finding::Level;
use crate::guest::StaticBytes;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What of a secret content is read for values.
const READ: usize = 16 << 20;

/// Values that are looked for, and the bytes that their other forms have.
const MOST: usize = 1 << 17;
const MOST_BYTES: usize = 16 << 20;

/// Values of secret contents.
#[derive(Default)]
pub(super) struct SecretSearch<'a> {
    values: Vec<SecretValue<'a>>,
    /// The number of values after which each is kept once.
    full: usize,
    /// Of values that are not borrowed.
    bytes: usize,
    /// Whether there is no room for values that are only of a secret content.
    has_dangers_only: bool,
    /// Whether sorting gives no room any more.
    is_full: bool,
    /// Contents of which not all is looked for.
    cut: BTreeSet<usize>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SecretValue<'a> {
    text: Cow<'a, [u8]>,
    content: usize,
    level: Level,
}

/// What was found of the values of one content.
pub(super) struct FoundValues<'a> {
    /// Those that are in memories, or may be in objects, the worst first.
    pub values: Vec<(Cow<'a, [u8]>, Level)>,
    /// Whether there are more than were looked for.
    pub is_cut: bool,
}

impl<'a> SecretSearch<'a> {
    /// Adds the values of a content that has this number.
    pub fn add(&mut self, content: usize, bytes: &'a [u8], interest: Interest) {
        let is_cut = interest == Interest::Every && bytes.len() > READ;
        if is_cut {
            self.cut.insert(content);
        }
        let text = EncodedText::of(if is_cut { &bytes[..READ] } else { bytes });
        match &text.bytes {
            Cow::Borrowed(borrowed) => each_value(borrowed, interest, |value, level| {
                self.add_value(content, value.into(), level);
                self.add_forms(content, &text, (value, level));
            }),
            Cow::Owned(owned) => each_value(owned, interest, |value, level| {
                self.add_value(content, value.to_vec().into(), level);
                self.add_forms(content, &text, (value, level));
            }),
        }
    }

    fn add_forms(&mut self, content: usize, text: &EncodedText<'_>, (value, level): (&[u8], Level)) {
        for form in text.other_forms(value).into_iter().filter(|form| form.len() >= HEAD) {
            self.add_value(content, form.into(), level);
        }
    }

    fn add_value(&mut self, content: usize, text: Cow<'a, [u8]>, level: Level) {
        let bytes = if let Cow::Owned(text) = &text { text.len() } else { 0 };
        let is_long = self.values.len() >= self.full.max(1 << 10) || self.bytes + bytes > MOST_BYTES;
        if is_long && !self.is_full {
            self.make_room();
        }
        let has_room = self.values.len() < MOST && self.bytes + bytes <= MOST_BYTES;
        if !has_room || self.has_dangers_only && level > Level::Danger {
            self.cut.insert(content);
            return;
        }
        self.bytes += bytes;
        self.values.push(SecretValue { text, content, level });
    }

    /// Keeps each value once, and if that is not enough, only the worst.
    fn make_room(&mut self) {
        self.once();
        let has_half = |search: &Self| search.values.len() > MOST / 2 || search.bytes > MOST_BYTES / 2;
        if has_half(self) && !self.has_dangers_only {
            self.has_dangers_only = true;
            let cut = &mut self.cut;
            self.values.retain(|value| {
                let is_kept = value.level == Level::Danger;
                if !is_kept {
                    cut.insert(value.content);
                }
                is_kept
            });
            self.once();
        }
        self.is_full = has_half(self);
        self.full = (self.values.len() * 2).min(MOST);
    }

    fn once(&mut self) {
        self.values.sort_unstable();
        self.values.dedup_by(|next, before| (&next.text, next.content) == (&before.text, before.content));
        let owned = self.values.iter().filter(|value| matches!(value.text, Cow::Owned(_)));
        self.bytes = owned.map(|value| value.text.len()).sum();
    }

    /// Searches memories and objects. What data segments of the module hold is the module's own.
    pub fn run(mut self, evidence: &Evidence<'_>, contents: usize) -> Vec<FoundValues<'a>> {
        self.once();
        let mut texts: Vec<&[u8]> = self.values.iter().map(|value| &*value.text).collect();
        texts.dedup();
        let mut own = vec![false; texts.len()];
        let mut found = vec![false; texts.len()];
        let mut is_whole = true;
        if !texts.is_empty() {
            let mut needles = Needles::of(texts.clone());
            for data in &evidence.module.data {
                is_whole &= needles.search(data.bytes, |text, _| own[text] = true);
            }
            let input = StaticBytes::of(evidence.module);
            for (memory, contents) in (0u32..).zip(&evidence.contents) {
                for (start, bytes) in contents.stretches() {
                    is_whole &= needles.search(bytes, |text, at| {
                        let is_new = !found[text] && !own[text];
                        found[text] |= is_new && !input.holds((memory, start + at as u64), texts[text]);
                    });
                }
            }
            is_whole &= in_objects(evidence, &texts, &own, &mut found);
        }
        let mut all: Vec<FoundValues<'a>> = (0..contents)
            .map(|content| FoundValues {
                values: Vec::new(),
                is_cut: !is_whole || self.cut.contains(&content),
            })
            .collect();
        let is_found: Vec<bool> = self
            .values
            .iter()
            .map(|value| texts.binary_search(&&*value.text).is_ok_and(|text| found[text]))
            .collect();
        drop(texts);
        for (value, _) in self.values.into_iter().zip(is_found).filter(|(_, is_found)| *is_found) {
            all[value.content].values.push((value.text, value.level));
        }
        all.iter_mut()
            .for_each(|found| found.values.sort_by_key(|(text, level)| (*level, Reverse(text.len()))));
        all
    }
}

/// Finds texts that may be in objects of the heap, by their beginnings in the forms that they have there.
fn in_objects(evidence: &Evidence<'_>, texts: &[&[u8]], own: &[bool], found: &mut [bool]) -> bool {
    /// Characters of each.
    const BEGINNING: usize = 32;
    let scalars = evidence.snapshot.heap.scalars();
    if scalars.is_empty() {
        return true;
    }
    let mut forms: Vec<(Vec<u8>, usize)> = Vec::new();
    for (index, text) in texts.iter().enumerate().filter(|(index, _)| !own[*index] && !found[*index]) {
        let beginning = &text[..text.len().min(BEGINNING)];
        forms.push((beginning.to_vec(), index));
        let text = String::from_utf8_lossy(beginning);
        // The last character may be cut.
        let chars = || text.chars().take_while(|char| *char != char::REPLACEMENT_CHARACTER);
        let mut units = [0; 2];
        let utf16 =
            chars().flat_map(|char| char.encode_utf16(&mut units).to_vec()).flat_map(u16::to_le_bytes);
        forms.push((utf16.collect(), index));
        forms.push((chars().flat_map(|char| u32::from(char).to_le_bytes()).collect(), index));
    }
    forms.retain(|(form, _)| form.len() >= HEAD);
    forms.sort_unstable();
    let mut beginnings: Vec<&[u8]> = forms.iter().map(|(form, _)| &**form).collect();
    beginnings.dedup();
    let mut is_there = vec![false; beginnings.len()];
    let is_whole = Needles::of(beginnings.clone()).search(scalars, |form, _| is_there[form] = true);
    for (form, index) in &forms {
        found[*index] |= beginnings.binary_search(&&**form).is_ok_and(|form| is_there[form]);
    }
    is_whole
}
