//! The functions: their core types, and how each is answered.

use wasmtime::Val;

use super::guest::{Guest, long, word};
use crate::host::host_value::HostValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    I32,
    I64,
}

/// A function of an interface.
pub(super) struct Function {
    /// Without its version.
    pub interface: &'static str,
    pub name: &'static str,
    pub params: &'static [Ty],
    pub results: &'static [Ty],
    pub answer: fn(&mut Guest<'_, '_>, &mut [Val]) -> wasmtime::Result<()>,
}

use Ty::{I32, I64};

macro_rules! functions {
    ($(interface $interface:literal: $($name:literal $params:expr => $results:expr, $answer:expr;)*)*) => {
        pub(super) static FUNCTIONS: &[Function] = &[$($(Function {
            interface: $interface,
            name: $name,
            params: &$params,
            results: &$results,
            answer: $answer,
        }),*),*];
    };
}

functions! {
    interface "wasi:random/random":
        "get-random-u64" [] => [I64], random_u64;
        "get-random-bytes" [I64, I32] => [], random_bytes;
    interface "wasi:random/insecure":
        "get-insecure-random-u64" [] => [I64], random_u64;
        "get-insecure-random-bytes" [I64, I32] => [], random_bytes;
    interface "wasi:random/insecure-seed":
        "insecure-seed" [I32] => [], seed;
    interface "wasi:clocks/monotonic-clock":
        "now" [] => [I64], |guest, results| put(results, Val::I64(time(guest, MONOTONIC)?.cast_signed()));
        "resolution" [] => [I64], |guest, results| {
            put(results, Val::I64(resolution(guest, MONOTONIC)?.cast_signed()))
        };
    interface "wasi:clocks/wall-clock":
        "now" [I32] => [], |guest, _| { let time = time(guest, REALTIME)?; datetime(guest, time) };
        "resolution" [I32] => [], |guest, _| { let time = resolution(guest, REALTIME)?; datetime(guest, time) };
    interface "wasi:cli/environment":
        "get-environment" [I32] => [], environment;
        "get-arguments" [I32] => [], arguments;
        "initial-cwd" [I32] => [], none;
    interface "wasi:cli/exit":
        "exit" [I32] => [], |guest, _| {
            let code = HostValue::I32(guest.word(0).cast_signed());
            guest.preview1("proc_exit", &[code], &mut [])
        };
    interface "wasi:cli/stdin":
        "get-stdin" [] => [I32], |_, results| put(results, Val::I32(STDIN));
    interface "wasi:cli/stdout":
        "get-stdout" [] => [I32], |_, results| put(results, Val::I32(STDOUT));
    interface "wasi:cli/stderr":
        "get-stderr" [] => [I32], |_, results| put(results, Val::I32(STDERR));
    interface "wasi:cli/terminal-stdin":
        "get-terminal-stdin" [I32] => [], none;
    interface "wasi:cli/terminal-stdout":
        "get-terminal-stdout" [I32] => [], none;
    interface "wasi:cli/terminal-stderr":
        "get-terminal-stderr" [I32] => [], none;
    interface "wasi:io/streams":
        "[method]output-stream.check-write" [I32, I32] => [], |guest, _| {
            const ROOM: u64 = 1 << 20;
            let address = guest.word(1);
            guest.write(address, &[[0; 8], ROOM.to_le_bytes()].concat())
        };
        "[method]output-stream.write" [I32, I32, I32, I32] => [], write;
        "[method]output-stream.blocking-write-and-flush" [I32, I32, I32, I32] => [], write;
        "[method]output-stream.flush" [I32, I32] => [], done;
        "[method]output-stream.blocking-flush" [I32, I32] => [], done;
        "[method]input-stream.read" [I32, I64, I32] => [], read;
        "[method]input-stream.blocking-read" [I32, I64, I32] => [], read;
        "[resource-drop]output-stream" [I32] => [], |_, _| Ok(());
        "[resource-drop]input-stream" [I32] => [], |_, _| Ok(());
}

/// Handles of the standard streams: their descriptors in preview 1, and 1, because no handle is 0.
const STDIN: i32 = 1;
const STDOUT: i32 = 2;
const STDERR: i32 = 3;

/// Clocks of preview 1.
const REALTIME: i32 = 0;
const MONOTONIC: i32 = 1;

/// Bytes of one answer.
const MOST: u64 = 1 << 20;

fn put(results: &mut [Val], value: Val) -> wasmtime::Result<()> {
    if let Some(result) = results.first_mut() {
        *result = value;
    }
    Ok(())
}

fn words(words: &[i32]) -> Vec<HostValue> {
    words.iter().map(|word| HostValue::I32(*word)).collect()
}

fn random(guest: &mut Guest<'_, '_>, len: u64) -> wasmtime::Result<Vec<u8>> {
    if len > MOST {
        wasmtime::bail!("init asked for {len} random bytes at once");
    }
    let mut scratch = vec![0; len as usize];
    guest.preview1("random_get", &words(&[0, len as i32]), &mut scratch)?;
    Ok(scratch)
}

fn random_u64(guest: &mut Guest<'_, '_>, results: &mut [Val]) -> wasmtime::Result<()> {
    let bytes = random(guest, 8)?;
    put(results, Val::I64(long(&bytes, 0).cast_signed()))
}

fn random_bytes(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    let (len, address) = (guest.long(0), guest.word(1));
    let bytes = random(guest, len)?;
    list(guest, address, (&bytes, 1), bytes.len())
}

fn seed(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    let (bytes, address) = (random(guest, 16)?, guest.word(0));
    guest.write(address, &bytes)
}

/// Writes address and length of a list of `len` elements.
fn list(
    guest: &mut Guest<'_, '_>,
    address: u32,
    (bytes, alignment): (&[u8], i32),
    len: usize,
) -> wasmtime::Result<()> {
    let at = guest.allocated(bytes, alignment)?;
    let len = u32::try_from(len)?;
    guest.write(address, &[at.to_le_bytes(), len.to_le_bytes()].concat())
}

fn time(guest: &mut Guest<'_, '_>, clock: i32) -> wasmtime::Result<u64> {
    let mut scratch = [0; 8];
    let args = [HostValue::I32(clock), HostValue::I64(1), HostValue::I32(0)];
    guest.preview1("clock_time_get", &args, &mut scratch)?;
    Ok(long(&scratch, 0))
}

fn resolution(guest: &mut Guest<'_, '_>, clock: i32) -> wasmtime::Result<u64> {
    let mut scratch = [0; 8];
    guest.preview1("clock_res_get", &words(&[clock, 0]), &mut scratch)?;
    Ok(long(&scratch, 0))
}

/// Seconds and nanoseconds.
fn datetime(guest: &mut Guest<'_, '_>, time: u64) -> wasmtime::Result<()> {
    const SECOND: u64 = 1_000_000_000;
    let address = guest.word(0);
    guest.write(address, &(time / SECOND).to_le_bytes())?;
    guest.write(address.wrapping_add(8), &((time % SECOND) as u32).to_le_bytes())
}

/// The strings that `sizes` counts and `get` gives, without their terminators.
fn strings(guest: &mut Guest<'_, '_>, sizes: &str, get: &str) -> wasmtime::Result<Vec<Vec<u8>>> {
    let mut scratch = vec![0; 8];
    guest.preview1(sizes, &words(&[0, 4]), &mut scratch)?;
    let (count, bytes) = (word(&scratch, 0) as usize, word(&scratch, 4) as usize);
    let text = i32::try_from(4 * count)?;
    let mut scratch = vec![0; 4 * count + bytes];
    guest.preview1(get, &words(&[0, text]), &mut scratch)?;
    let text = scratch.get(4 * count..).unwrap_or_default();
    let mut strings: Vec<Vec<u8>> = text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    strings.truncate(count);
    Ok(strings)
}

fn arguments(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    let strings = strings(guest, "args_sizes_get", "args_get")?;
    let mut elements = Vec::new();
    for string in &strings {
        text(guest, string, &mut elements)?;
    }
    let address = guest.word(0);
    list(guest, address, (&elements, 4), strings.len())
}

fn environment(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    let strings = strings(guest, "environ_sizes_get", "environ_get")?;
    let mut elements = Vec::new();
    for string in &strings {
        let split = string.iter().position(|byte| *byte == b'=').unwrap_or(string.len());
        let (name, value) = string.split_at(split);
        text(guest, name, &mut elements)?;
        text(guest, value.get(1..).unwrap_or_default(), &mut elements)?;
    }
    let address = guest.word(0);
    list(guest, address, (&elements, 4), strings.len())
}

/// Appends address and length of a string that the guest has memory for.
fn text(guest: &mut Guest<'_, '_>, text: &[u8], elements: &mut Vec<u8>) -> wasmtime::Result<()> {
    let at = guest.allocated(text, 1)?;
    elements.extend(at.to_le_bytes());
    elements.extend(u32::try_from(text.len())?.to_le_bytes());
    Ok(())
}

/// An option without a value.
fn none(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    let address = guest.word(0);
    guest.write(address, &[0])
}

/// A result that is not an error.
fn done(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    let address = guest.word(1);
    guest.write(address, &[0])
}

/// The descriptor of a standard stream.
fn descriptor(guest: &Guest<'_, '_>) -> wasmtime::Result<i32> {
    match guest.word(0).cast_signed() {
        handle @ (STDIN | STDOUT | STDERR) => Ok(handle - 1),
        handle => wasmtime::bail!("init used the stream {handle}, which it was not given"),
    }
}

fn write(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    const TEXT: i32 = 12;
    let (fd, result) = (descriptor(guest)?, guest.word(3));
    let text = guest.read(guest.word(1), guest.word(2))?;
    let len = i32::try_from(text.len())?;
    // The buffer's address and length, the number of bytes, the buffer.
    let mut scratch = [TEXT.to_le_bytes(), len.to_le_bytes(), [0; 4]].concat();
    scratch.extend(&text);
    if !text.is_empty() {
        guest.preview1("fd_write", &words(&[fd, 0, 1, 8]), &mut scratch)?;
    }
    guest.write(result, &[0])
}

fn read(guest: &mut Guest<'_, '_>, _: &mut [Val]) -> wasmtime::Result<()> {
    const BUFFER: usize = 12;
    let (fd, result) = (descriptor(guest)?, guest.word(2));
    let len = guest.long(1).min(MOST);
    let mut scratch = [(BUFFER as u32).to_le_bytes(), (len as u32).to_le_bytes(), [0; 4]].concat();
    scratch.resize(BUFFER + len as usize, 0);
    if len > 0 {
        guest.preview1("fd_read", &words(&[fd, 0, 1, 8]), &mut scratch)?;
    }
    let read = word(&scratch, 8) as usize;
    if read == 0 && len > 0 {
        // An error, of the kind `closed`.
        return guest.write(result, &[1, 0, 0, 0, 1]);
    }
    let bytes = scratch.get(BUFFER..BUFFER + read).unwrap_or_default().to_vec();
    guest.write(result, &[0])?;
    list(guest, result.wrapping_add(4), (&bytes, 1), read)
}
