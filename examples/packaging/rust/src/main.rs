//! Says of each line of standard input which rules match it. The rules are read from /rules and compiled first.

use regex::RegexSet;
use std::{error::Error, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let mut names = Vec::new();
    let mut patterns = Vec::new();
    let mut files: Vec<_> = fs::read_dir("/rules")?.collect::<Result<_, _>>()?;
    files.sort_by_key(|file| file.path());
    for file in files {
        let text = fs::read_to_string(file.path())?;
        for (name, pattern) in text.lines().filter_map(|line| line.split_once(": ")) {
            names.push(name.to_string());
            patterns.push(pattern.to_string());
        }
    }
    let rules = RegexSet::new(&patterns)?;
    for line in io::stdin().lines() {
        let line = line?;
        let found: Vec<&str> = rules.matches(&line).iter().map(|rule| names[rule].as_str()).collect();
        println!("{line}: {}", if found.is_empty() { "nothing".to_string() } else { found.join(", ") });
    }
    Ok(())
}
