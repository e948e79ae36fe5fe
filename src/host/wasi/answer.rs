//! Answers WASI calls: those whose answer must be canonical here, all others in wasmtime-wasi.

use std::collections::HashMap;
use std::path::Path;

use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};
use wiggle::{GuestMemory, GuestPtr};

use super::clock::{Clocks, Kind};
use super::errno;
use super::files::Files;
use super::functions::Function;
use super::overlay::{Overlay, OverlayCall};
use super::random::Source;
use super::readdir::Listing;
use super::span::Context;
use super::stdio::Stdio;
use super::strings::Strings;
use super::{path_length, poll, random};
use crate::host::error::{GuestExit, HostError};
use crate::host::host_options::{Access, Directory, WasiOptions};
use crate::host::host_value::HostValue;
use crate::host::ledger::{Call, DescriptorKind, Descriptors, Entry};
use crate::host::run_limits::Room;
use crate::way::Way;

/// The WASI side of a run that touches the outside.
pub(in crate::host) struct Wasi {
    /// Knows files and directories; its standard streams are never used.
    ctx: WasiP1Ctx,
    /// Directories that are changed in memory only.
    overlay: Option<Overlay>,
    descriptors: Descriptors,
    listings: HashMap<u32, Listing>,
    /// Bytes that all listings take.
    listed: u64,
    /// What more the host may keep for the guest.
    pub(super) room: Room,
    files: Files,
    stdio: Stdio,
    clocks: Clocks,
    random: random::Source,
    arguments: Strings,
    environment: Strings,
}

/// Bytes that wasmtime-wasi may copy in one call; its own default.
const HOSTCALL_FUEL: usize = 128 << 20;

/// Of `fd_filestat_set_times` and `path_filestat_set_times`: set the time that is given, set the current time.
const ATIM: i32 = 1 << 0;
const ATIM_NOW: i32 = 1 << 1;
const MTIM: i32 = 1 << 2;
const MTIM_NOW: i32 = 1 << 3;

impl Wasi {
    /// `capacity` is what files in memory may hold together, in bytes.
    pub(in crate::host) fn new(
        options: &WasiOptions,
        module_digest: [u8; 32],
        capacity: u64,
    ) -> Result<Self, HostError> {
        let builder = opened(&options.dirs.iter().collect::<Vec<_>>(), &options.dirs)?;
        let overlaid: Vec<_> = options.dirs.iter().filter(|dir| dir.access == Access::Overlay).collect();
        let overlay = match overlaid.is_empty() {
            true => None,
            false => {
                let mut lower = opened(&overlaid, &options.dirs)?;
                lower.allow_blocking_current_thread(true);
                Some(Overlay::new(options, lower.build_p1(), capacity))
            }
        };
        Ok(Self { overlay, ..Self::with(builder, options, module_digest) })
    }

    /// With no directory open: what lies outside is answered elsewhere.
    pub(in crate::host) fn inside(options: &WasiOptions, module_digest: [u8; 32]) -> Self {
        Self::with(WasiCtxBuilder::new(), options, module_digest)
    }

    fn with(mut builder: WasiCtxBuilder, options: &WasiOptions, module_digest: [u8; 32]) -> Self {
        builder.allow_blocking_current_thread(true);
        let preopens: Vec<String> = options.dirs.iter().map(|directory| directory.guest.clone()).collect();
        let environment = options.env.iter().map(|(name, value)| format!("{name}={value}"));
        Self {
            ctx: builder.build_p1(),
            overlay: None,
            descriptors: Descriptors::new(&preopens),
            listings: HashMap::new(),
            listed: 0,
            room: Room { left: Some(0), limit: 0 },
            files: Files::new(options),
            stdio: Stdio::new(options),
            clocks: Clocks::new(options.clock),
            random: Source::of(options, module_digest),
            arguments: Strings::new(options.args.iter().cloned()),
            environment: Strings::new(environment),
        }
    }

    /// What the guest would read next of the monotonic clock, if it may.
    pub(in crate::host) fn monotonic_clock(&self) -> Option<u64> {
        self.clocks.monotonic()
    }

    /// Lets the monotonic clock go on from here.
    pub(in crate::host) fn go_on_from(&mut self, monotonic: u64) {
        self.clocks.go_on_from(monotonic);
    }

    /// What is open.
    pub(super) fn descriptors(&self) -> &Descriptors {
        &self.descriptors
    }

    pub(in crate::host) fn stdout(&self) -> &[u8] {
        self.stdio.stdout()
    }

    pub(in crate::host) fn stderr(&self) -> &[u8] {
        self.stdio.stderr()
    }

    /// Fills in the lengths that only the host knows.
    pub(super) fn lengths(&self, call: &Call, context: &mut Context) -> wasmtime::Result<()> {
        context.arguments = self.arguments.sizes()?;
        context.environment = self.environment.sizes()?;
        if let Some(directory) = call.word(0).and_then(|fd| self.descriptors.get(fd)) {
            context.preopen_name = u32::try_from(directory.path.len())?;
        }
        Ok(())
    }

    /// Bytes that the host keeps for the guest, besides the recording of its calls.
    pub(super) fn held(&self) -> u64 {
        // The recorder follows descriptors too.
        let descriptors = 2 * self.descriptors.cost();
        let overlay = self.overlay.as_ref().map_or(0, Overlay::cost);
        [self.listed, descriptors, self.files.cost(), self.stdio.cost(), overlay].into_iter().sum()
    }

    fn forget_listing(&mut self, fd: u32) {
        if let Some(listing) = self.listings.remove(&fd) {
            self.listed -= listing.cost();
        }
    }

    /// Whether a call would change a file or a directory outside, if it succeeded.
    pub(super) fn would_change(&self, call: &Call) -> bool {
        let directory = call.word(if call.wasi() == Some("path_symlink") { 2 } else { 0 });
        let is_overlaid = |overlay: &Overlay| directory.is_some_and(|fd| overlay.has(fd));
        self.descriptors.would_change(call) && !self.overlay.as_ref().is_some_and(is_overlaid)
    }

    /// Keeps track of descriptors after a call.
    pub(super) fn follow(&mut self, entry: &Entry) {
        self.descriptors.apply(entry);
        if let Some(overlay) = &mut self.overlay {
            overlay.follow(entry);
        }
        if let Some("fd_close" | "fd_renumber") = entry.call.wasi() {
            for fd in [0, 1].into_iter().filter_map(|index| entry.call.word(index)) {
                self.forget_listing(fd);
            }
        }
    }

    /// Answers a call with an errno, or ends the run.
    pub(super) fn answer(
        &mut self,
        function: &Function,
        args: &[HostValue],
        memory: &mut GuestMemory<'_>,
        context: &Context,
    ) -> wasmtime::Result<i32> {
        use DescriptorKind::{Stderr, Stdin, Stdout};
        let word = |name| function.word(args, name).unwrap_or(0);
        let kind = self.descriptors.get(word("fd")).map(|descriptor| descriptor.kind);
        let done = Ok(errno::SUCCESS);
        if path_length::is_too_long(function, args, &self.descriptors) {
            return Ok(errno::NAMETOOLONG);
        }
        if let Some(errno) = self.overlaid(function, args, memory, context)? {
            return Ok(errno);
        }
        match function.name {
            "args_get" => self.arguments.write(memory, word("argv"), word("argv_buf")).and(done),
            "args_sizes_get" => self.arguments.write_sizes(memory, word("count"), word("size")).and(done),
            "environ_get" => self.environment.write(memory, word("environ"), word("environ_buf")).and(done),
            "environ_sizes_get" => {
                self.environment.write_sizes(memory, word("count"), word("size")).and(done)
            }
            "clock_res_get" => match clock(word("id")) {
                Ok(_) => put(memory, word("resolution"), self.clocks.resolution()),
                Err(errno) => Ok(errno),
            },
            "clock_time_get" => match clock(word("id")) {
                Ok(kind) => put(memory, word("time"), self.clocks.read(kind)?),
                Err(errno) => Ok(errno),
            },
            "random_get" => self.random_get(memory, word("buf"), word("buf_len")).and(done),
            "poll_oneoff" => {
                let words = ["subscriptions", "events", "nsubscriptions", "nevents"].map(word);
                poll::oneoff(&mut self.clocks, &self.descriptors, memory, words)
            }
            "proc_exit" => Err(GuestExit { code: word("code") }.into()),
            "fd_read" if kind == Some(Stdin) => {
                let read = self.stdio.read(memory, function.stdio_buffer(args, memory, context)?)?;
                count(memory, word("nread"), read)
            }
            "fd_write" if let Some(kind @ (Stdout | Stderr)) = kind => {
                let written =
                    self.stdio.write(kind, memory, function.stdio_buffer(args, memory, context)?)?;
                count(memory, word("nwritten"), written)
            }
            "fd_readdir" => self.readdir(function, args, memory),
            "fd_filestat_get" | "path_filestat_get" => {
                let errno = self.dispatch(function, args, memory)?;
                let stdio =
                    function.name == "fd_filestat_get" && matches!(kind, Some(Stdin | Stdout | Stderr));
                if errno == errno::SUCCESS && !stdio {
                    self.files.canonicalize(memory, word("stat"))?;
                }
                Ok(errno)
            }
            "fd_filestat_set_times" | "path_filestat_set_times" => {
                let args = self.explicit_times(args)?;
                self.dispatch(function, &args, memory)
            }
            _ => self.dispatch(function, args, memory),
        }
    }

    /// The overlay's answer, if it has one.
    fn overlaid(
        &mut self,
        function: &Function,
        args: &[HostValue],
        memory: &mut GuestMemory<'_>,
        context: &Context,
    ) -> wasmtime::Result<Option<i32>> {
        if self.overlay.is_none() {
            return Ok(None);
        }
        let explicit = match function.name {
            "fd_filestat_set_times" | "path_filestat_set_times" => Some(self.explicit_times(args)?),
            _ => None,
        };
        let args = explicit.as_deref().unwrap_or(args);
        let Some(overlay) = &mut self.overlay else { return Ok(None) };
        let (ctx, files) = (&mut self.ctx, &mut self.files);
        overlay.answer(&mut OverlayCall { function, args, memory, context, ctx, files })
    }

    fn dispatch(
        &mut self,
        function: &Function,
        args: &[HostValue],
        memory: &mut GuestMemory<'_>,
    ) -> wasmtime::Result<i32> {
        match function.dispatch {
            Some(dispatch) => dispatch(refuel(&mut self.ctx), memory, args),
            None => Err(wasmtime::Error::msg(format!("{} has no implementation", function.name))),
        }
    }

    fn random_get(&mut self, memory: &mut GuestMemory<'_>, address: u32, len: u32) -> wasmtime::Result<()> {
        let buffer = GuestPtr::<[u8]>::new((address, len));
        // Reading first bounds the allocation by the guest's memory.
        let mut bytes = memory.to_vec(buffer)?;
        self.random.fill(&mut bytes)?;
        memory.copy_from_slice(&bytes, buffer)?;
        Ok(())
    }

    fn readdir(
        &mut self,
        function: &Function,
        args: &[HostValue],
        memory: &mut GuestMemory<'_>,
    ) -> wasmtime::Result<i32> {
        let [HostValue::I32(fd), _, _, HostValue::I64(cookie), _] = args else {
            return Err(wasmtime::Error::msg("fd_readdir with other arguments than its own"));
        };
        let key = fd.cast_unsigned();
        if *cookie == 0 || !self.listings.contains_key(&key) {
            self.forget_listing(key);
            let overlaid = match &mut self.overlay {
                Some(overlay) => overlay.listing(key, (&mut self.files, self.room))?,
                None => None,
            };
            let listing = match overlaid {
                Some(listing) => listing,
                None => Listing::new(refuel(&mut self.ctx), *fd, &mut self.files, self.room)?,
            };
            match listing {
                Ok(listing) => {
                    self.listed += listing.cost();
                    self.listings.insert(key, listing);
                }
                Err(errno) => return Ok(errno),
            }
        }
        let Some(listing) = self.listings.get(&key) else { return Ok(errno::BADF) };
        let word = |name| function.word(args, name).unwrap_or(0);
        let used = listing.write(memory, word("buf"), word("buf_len"), cookie.cast_unsigned())?;
        put(memory, word("used"), used)
    }

    /// Replaces "now" by our own clock's time.
    fn explicit_times(&mut self, args: &[HostValue]) -> wasmtime::Result<Vec<HostValue>> {
        let mut args = args.to_vec();
        if let [.., HostValue::I64(atim), HostValue::I64(mtim), HostValue::I32(flags)] = &mut args[..]
            && *flags & (ATIM_NOW | MTIM_NOW) != 0
        {
            let now = self.clocks.read(Kind::Realtime)?.cast_signed();
            for (time, given, current) in [(atim, ATIM, ATIM_NOW), (mtim, MTIM, MTIM_NOW)] {
                if *flags & (given | current) == current {
                    *time = now;
                    *flags ^= given | current;
                }
            }
        }
        Ok(args)
    }
}

/// wasmtime-wasi, which may copy some more bytes now.
pub(super) fn refuel(ctx: &mut WasiP1Ctx) -> &mut WasiP1Ctx {
    ctx.set_hostcall_fuel(HOSTCALL_FUEL);
    ctx
}

/// Opens directories. A module that runs more than once, or whose earlier run could write, may have put links on their way.
fn opened(directories: &[&Directory], all: &[Directory]) -> Result<WasiCtxBuilder, HostError> {
    let mut builder = WasiCtxBuilder::new();
    for directory in directories {
        let permissions = match directory.access {
            Access::ReadWrite => FsPerms::ReadWrite,
            // Changes are kept elsewhere, or fail.
            Access::Overlay | Access::ReadOnly => FsPerms::ReadOnly,
        };
        let others =
            all.iter().filter(|other| other.access == Access::ReadWrite && other.host != directory.host);
        let writable: Vec<&Path> = others.map(|other| other.host.as_path()).collect();
        let way = if writable.is_empty() { Ok(()) } else { Way::to(&directory.host, writable).map(drop) };
        let opened = way
            .map_err(wasmtime::Error::new)
            .and_then(|()| builder.preopened_dir(&directory.host, &directory.guest, permissions).map(drop));
        opened.map_err(|source| HostError::Directory {
            guest: directory.guest.as_str().into(),
            host: directory.host.clone(),
            source,
        })?;
    }
    Ok(builder)
}

fn clock(id: u32) -> Result<Kind, i32> {
    match id {
        0 => Ok(Kind::Realtime),
        1 => Ok(Kind::Monotonic),
        2 | 3 => Err(errno::BADF),
        _ => Err(errno::INVAL),
    }
}

fn put<T: wiggle::GuestType>(memory: &mut GuestMemory<'_>, address: u32, value: T) -> wasmtime::Result<i32> {
    memory.write(GuestPtr::new(address), value)?;
    Ok(errno::SUCCESS)
}

/// Finishes a read or a write of a standard stream.
fn count(memory: &mut GuestMemory<'_>, address: u32, count: Result<u32, i32>) -> wasmtime::Result<i32> {
    match count {
        Ok(count) => put(memory, address, count),
        Err(errno) => Ok(errno),
    }
}
