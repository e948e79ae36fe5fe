//! A component of WASI 0.3 (`wasm32-wasip2`, the crates `wasip3` and `wit-bindgen`). Its init is asynchronous: it counts the words of
//! a file and of standard input, both read by streams, lists the directory, waits, and prints by a stream. What is asked for
//! afterwards is answered from that; `print` prints again.

use futures_join::join;
use std::cell::RefCell;
use std::collections::BTreeMap;
use wasip3::clocks::monotonic_clock;
use wasip3::filesystem::preopens;
use wasip3::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};

wit_bindgen::generate!({
    inline: "
        package preinit:index3;
        world index {
            export preinit: async func() -> result<u32, string>;
            export query: func(word: string) -> u32;
            export files: func() -> list<string>;
            export waited: func() -> u64;
            export print: async func(word: string) -> u32;
        }
    ",
});

/// What init makes.
#[derive(Default)]
struct Index {
    counts: BTreeMap<String, u32>,
    files: Vec<String>,
    waited: u64,
}

thread_local! {
    static INDEX: RefCell<Index> = RefCell::default();
}

struct Program;

impl Guest for Program {
    async fn preinit() -> Result<u32, String> {
        let (directory, _) = preopens::get_directories().into_iter().next().ok_or("no directory")?;
        let (input, file) = join(standard_input(), read(&directory, "words.txt")).await;
        let text = format!("{}\n{}", input?, file?);
        let mut index = Index::default();
        for word in text.split_whitespace() {
            *index.counts.entry(word.to_string()).or_insert(0) += 1;
        }
        index.files = list(&directory).await?;
        let begun = monotonic_clock::now();
        // The longer one first: both are over when that is.
        join(monotonic_clock::wait_for(5_000_000), monotonic_clock::wait_for(1_000_000)).await;
        index.waited = monotonic_clock::now() - begun;
        let words = index.counts.len() as u32;
        INDEX.set(index);
        print(format!("{words} words\n")).await?;
        Ok(words)
    }

    fn query(word: String) -> u32 {
        INDEX.with_borrow(|index| index.counts.get(&word).copied().unwrap_or(0))
    }

    fn files() -> Vec<String> {
        INDEX.with_borrow(|index| index.files.clone())
    }

    fn waited() -> u64 {
        INDEX.with_borrow(|index| index.waited)
    }

    async fn print(word: String) -> u32 {
        let count = Self::query(word.clone());
        print(format!("{word}: {count}\n")).await.map_or(u32::MAX, |()| count)
    }
}

async fn standard_input() -> Result<String, String> {
    let (stream, ended) = wasip3::cli::stdin::read_via_stream();
    let bytes = stream.collect().await;
    ended.await.map_err(|error| format!("standard input: {error:?}"))?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

async fn read(directory: &Descriptor, path: &str) -> Result<String, String> {
    let failed = |error| format!("{path}: {error:?}");
    let opened = directory.open_at(PathFlags::empty(), path.into(), OpenFlags::empty(), DescriptorFlags::READ);
    let (stream, ended) = opened.await.map_err(failed)?.read_via_stream(0);
    let bytes = stream.collect().await;
    ended.await.map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

async fn list(directory: &Descriptor) -> Result<Vec<String>, String> {
    let (stream, ended) = directory.read_directory();
    let mut names: Vec<String> = stream.collect().await.into_iter().map(|entry| entry.name).collect();
    ended.await.map_err(|error| format!("{error:?}"))?;
    names.sort();
    Ok(names)
}

async fn print(text: String) -> Result<(), String> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let ended = wasip3::cli::stdout::write_via_stream(reader);
    let left = writer.write_all(text.into_bytes()).await;
    drop(writer);
    ended.await.map_err(|error| format!("{error:?}, {} bytes left", left.len()))
}

/// Two futures beside each other.
mod futures_join {
    use std::pin::pin;
    use std::task::Poll;

    pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
        let (mut a, mut b) = (pin!(a), pin!(b));
        let (mut first, mut second) = (None, None);
        std::future::poll_fn(|context| {
            if first.is_none()
                && let Poll::Ready(value) = a.as_mut().poll(context)
            {
                first = Some(value);
            }
            if second.is_none()
                && let Poll::Ready(value) = b.as_mut().poll(context)
            {
                second = Some(value);
            }
            match first.is_some() && second.is_some() {
                true => Poll::Ready((first.take().unwrap(), second.take().unwrap())),
                false => Poll::Pending,
            }
        })
        .await
    }
}

export!(Program);
