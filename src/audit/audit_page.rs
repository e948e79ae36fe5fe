//! The page about an audit.

use super::audit_report::Audit;
use super::weight::Weight;
use crate::page::{MemoryRange, Page, Table, map_legend};
use crate::wording::Bytes;

impl Audit {
    /// A self-contained page of HTML about the audit of `input`.
    pub fn page(&self, input: &str) -> String {
        let stages = &self.timings;
        let timings = vec![
            ("parse", stages.parse),
            ("compile", stages.compile),
            ("init", stages.init),
            ("capture", stages.capture),
            ("other runs", stages.reruns),
            ("search", stages.search),
        ];
        let mut sizes: Vec<(String, String)> = self.weight.iter().flat_map(sizes).collect();
        sizes.push(("runs of init".to_string(), self.runs.to_string()));
        let mut tables = vec![Table { title: "Sizes".to_string(), rows: sizes }];
        tables.extend(self.weight.iter().map(owners));
        let subject = "what a snapshot freezes of the build";
        Page::new(input, subject, "nothing of the build is in the snapshot that should not be", &self.ledger)
            .findings(&self.findings)
            .not_covered(&self.not_covered)
            .maps(&self.maps, map_legend(&self.mapped().map(|(source, _)| source).collect::<Vec<_>>()))
            .tables(tables)
            .timings(timings)
            .render()
    }

    /// The sources on which something in a memory depends, with the ranges.
    fn mapped(&self) -> impl Iterator<Item = (&str, &[MemoryRange])> {
        let varied = self.varied.iter().filter(|varied| !varied.ranges.is_empty());
        varied.map(|varied| (varied.source.as_str(), &varied.ranges[..]))
    }
}

fn sizes(weight: &Weight) -> [(String, String); 6] {
    let row = |what, value: String| (format!("memory {}: {what}", weight.memory), value);
    [
        row("size", Bytes(weight.size).to_string()),
        row("not zero", Bytes(weight.nonzero).to_string()),
        row("not as in the input", Bytes(weight.changed).to_string()),
        row("written by the output", Bytes(weight.written).to_string()),
        row("pages of 4 KiB in use", weight.pages.to_string()),
        row("on the free stack", Bytes(weight.free_stack).to_string()),
    ]
}

fn owners(weight: &Weight) -> Table {
    /// Rows of the table.
    const SHOWN: usize = 12;
    let changed = weight.owners.iter().filter(|share| share.changed > 0).take(SHOWN);
    Table {
        title: format!("Memory {}, bytes that init changed", weight.memory),
        rows: changed.map(|share| (share.owner.clone(), Bytes(share.changed).to_string())).collect(),
    }
}
