//! Snapshot 0 of WASI in terms of preview 1: what is laid out or numbered otherwise is converted.

use preinit_core::wasi_version::WasiVersion;
use wiggle::{GuestError, GuestMemory, GuestPtr};

use super::answer::Wasi;
use super::errno;
use super::functions::{EVENT, Function};
use super::span::Context;
use crate::host::host_value::HostValue;

/// A call of a function of snapshot 0.
pub(super) struct Snapshot0Call<'c> {
    pub function: &'c Function,
    pub args: &'c [HostValue],
    pub context: &'c Context,
}

/// A `filestat` of preview 1, in bytes.
const FILESTAT: u32 = 64;

/// All rights that there are; preview 1 has one more.
const RIGHTS: u64 = (1 << 29) - 1;

impl Snapshot0Call<'_> {
    /// Answers with an errno, or ends the run.
    pub(super) fn answer(&self, wasi: &mut Wasi, memory: &mut GuestMemory<'_>) -> wasmtime::Result<i32> {
        match self.function.name {
            "fd_seek" => {
                let whence = match self.word("whence") {
                    0 => 1,
                    1 => 2,
                    2 => 0,
                    other => other,
                };
                self.ask(wasi, memory, &[("whence", whence)])
            }
            "fd_fdstat_get" => {
                let errno = self.ask(wasi, memory, &[])?;
                if errno == errno::SUCCESS {
                    for offset in [8, 16] {
                        let rights = GuestPtr::<u64>::new(self.word("stat").wrapping_add(offset));
                        let given = memory.read(rights)?;
                        memory.write(rights, given & RIGHTS)?;
                    }
                }
                Ok(errno)
            }
            "fd_filestat_get" | "path_filestat_get" => self.filestat(wasi, memory),
            "poll_oneoff" => self.poll(wasi, memory),
            _ => self.ask(wasi, memory, &[]),
        }
    }

    fn word(&self, name: &str) -> u32 {
        self.function.word(self.args, name).unwrap_or(0)
    }

    /// The answer of preview 1, with these arguments instead of the guest's.
    fn ask(
        &self,
        wasi: &mut Wasi,
        memory: &mut GuestMemory<'_>,
        with: &[(&str, u32)],
    ) -> wasmtime::Result<i32> {
        let params = self.function.params.iter().zip(self.args);
        let argument = |((param, _), given): (&(&str, _), &HostValue)| {
            let other = with.iter().find(|(name, _)| name == param);
            other.map_or(*given, |(_, value)| HostValue::I32(value.cast_signed()))
        };
        let args: Vec<HostValue> = params.map(argument).collect();
        wasi.answer(self.function, &args, memory, self.context)
    }

    /// The record of preview 1 is longer: it is made elsewhere.
    fn filestat(&self, wasi: &mut Wasi, memory: &mut GuestMemory<'_>) -> wasmtime::Result<i32> {
        let mut scratch = vec![0; FILESTAT as usize];
        if self.function.word(self.args, "path").is_some() {
            scratch.extend(memory.to_vec(GuestPtr::<[u8]>::new((self.word("path"), self.word("path_len"))))?);
        }
        let scratch_memory = &mut GuestMemory::Unshared(&mut scratch);
        let errno = self.ask(wasi, scratch_memory, &[("stat", 0), ("path", FILESTAT)])?;
        if errno == errno::SUCCESS {
            let links = u32::try_from(scratch_memory.read(GuestPtr::<u64>::new(24))?).unwrap_or(u32::MAX);
            let (before, after) = (&scratch[..20], &scratch[32..FILESTAT as usize]);
            let stat = [before, &links.to_le_bytes(), after].concat();
            memory.copy_from_slice(&stat, GuestPtr::new((self.word("stat"), u32::try_from(stat.len())?)))?;
        }
        Ok(errno)
    }

    /// The subscriptions of preview 1 are shorter: they are made elsewhere, the events after them.
    fn poll(&self, wasi: &mut Wasi, memory: &mut GuestMemory<'_>) -> wasmtime::Result<i32> {
        let (from, to) = (WasiVersion::Snapshot0.subscription(), WasiVersion::Preview1.subscription());
        let count = self.word("nsubscriptions");
        if count == 0 {
            return Ok(errno::INVAL);
        }
        let sized = |size: u32| count.checked_mul(size).ok_or(GuestError::PtrOverflow);
        let given = GuestPtr::<[u8]>::new((self.word("subscriptions"), sized(from.size)?));
        let given = memory.to_vec(given)?;
        let events = sized(to.size)?;
        let number = events.checked_add(sized(EVENT)?).ok_or(GuestError::PtrOverflow)?;
        let mut scratch = Vec::with_capacity(number as usize + size_of::<u32>());
        let extra = (from.size - to.size) as usize;
        for subscription in given.chunks_exact(from.size as usize) {
            // The identifier of a clock says nothing more than its number.
            let is_clock = subscription[8] == 0;
            let (before, rest) = subscription.split_at(to.id as usize);
            let skipped = if is_clock { extra } else { 0 };
            scratch.extend(before);
            scratch.extend(&rest[skipped..skipped + (to.size - to.id) as usize]);
        }
        scratch.resize(number as usize + size_of::<u32>(), 0);
        let scratch_memory = &mut GuestMemory::Unshared(&mut scratch);
        let with = [("subscriptions", 0), ("events", events), ("nevents", number)];
        let errno = self.ask(wasi, scratch_memory, &with)?;
        if errno == errno::SUCCESS {
            let written = scratch_memory.read(GuestPtr::<u32>::new(number))?;
            let len = written.saturating_mul(EVENT);
            let made = scratch_memory.to_vec(GuestPtr::<[u8]>::new((events, len)))?;
            memory.copy_from_slice(&made, GuestPtr::new((self.word("events"), len)))?;
            memory.write(GuestPtr::<u32>::new(self.word("nevents")), written)?;
        }
        Ok(errno)
    }
}
