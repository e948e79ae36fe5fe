//! Directories that the guest can change without changing them: its changes are in memory, over what is really there.
//!
//! wasmtime-wasi stays the one who reads files that nobody has changed, and who gives out descriptors, so that a guest that
//! only reads gets the answers that it would get without an overlay.

mod failure;
mod files;
mod handle;
mod layer;
mod lower;
mod paths;
mod view;

pub(super) use layer::{Inode, LONGEST_PATH};

use wasmtime_wasi::p1::WasiP1Ctx;
use wiggle::{GuestMemory, GuestPtr};

use super::files::Files;
use super::functions::Function;
use super::span::Context;
use crate::host::host_options::{Access, WasiOptions};
use crate::host::host_value::HostValue;
use crate::host::ledger::Entry;
use failure::{Failure, Outcome, errno, settled};
use handle::{Handle, Handles};
use layer::{Layer, Place};
use lower::{Lower, Stat};
use view::View;

/// The overlaid directories, and what is open in them.
pub(super) struct Overlay {
    view: View,
    handles: Handles,
}

/// A call of the guest, and what it takes to answer it.
pub(super) struct OverlayCall<'c, 'm> {
    pub function: &'c Function,
    pub args: &'c [HostValue],
    pub memory: &'c mut GuestMemory<'m>,
    pub context: &'c Context,
    pub ctx: &'c mut WasiP1Ctx,
    pub files: &'c mut Files,
}

/// The number of the first preopened directory.
const FIRST_PREOPEN: u32 = 3;

impl Overlay {
    /// The overlay of the directories in `options`, if there are some to overlay. `ctx` has just them open, in order.
    pub(super) fn new(options: &WasiOptions, ctx: WasiP1Ctx, capacity: u64) -> Self {
        let mut handles = Handles::default();
        let overlaid = (FIRST_PREOPEN..).zip(&options.dirs).filter(|(_, dir)| dir.access == Access::Overlay);
        for (root, (fd, _)) in overlaid.enumerate() {
            handles.insert(fd, Handle::Directory { place: Place::root(root), is_real: true });
        }
        let view = View { layer: Layer::new(capacity), lower: Lower::new(ctx), capacity };
        Overlay { view, handles }
    }

    /// Whether a descriptor is of an overlaid directory.
    pub(super) fn has(&self, fd: u32) -> bool {
        self.handles.get(fd).is_some()
    }

    /// The host memory that it takes, in bytes, roughly.
    pub(super) fn cost(&self) -> u64 {
        self.view.layer.cost() + self.handles.cost()
    }

    /// Answers a call with an errno; `None` if it is none of the overlay's, or one that wasmtime-wasi answers.
    pub(super) fn answer(&mut self, call: &mut OverlayCall<'_, '_>) -> wasmtime::Result<Option<i32>> {
        let name = call.function.name;
        if let Some(handled) = self.two_directories(call) {
            return settled(handled).map(Some);
        }
        let fd = call.word("fd");
        let outcome = match self.handles.get(fd) {
            None => return Ok(None),
            Some(_) if name.starts_with("path_") => self.path_call(call),
            Some(Handle::File(_)) => self.file_call(call),
            Some(Handle::Directory { place, .. }) if !self.view.layer.is_untouched() => {
                let place = place.clone();
                self.directory_call(call, &place)
            }
            Some(Handle::Directory { .. }) if name == "fd_filestat_set_times" => {
                let place = self.directory(fd)?;
                self.directory_call(call, &place)
            }
            Some(Handle::Real(place)) if name == "fd_filestat_set_times" => {
                let place = place.clone();
                self.set_times(call, &place)
            }
            Some(Handle::Real(_)) if name == "fd_filestat_set_size" => Err(Failure::Errno(errno::INVAL)),
            Some(_) => return Ok(None),
        };
        match outcome {
            Ok(Handled::Yes) => Ok(Some(errno::SUCCESS)),
            Ok(Handled::No) => Ok(None),
            Err(failure) => settled(Err(failure)).map(Some),
        }
    }

    /// Keeps track of descriptors after a call that wasmtime-wasi has answered.
    pub(super) fn follow(&mut self, entry: &Entry) {
        if !entry.succeeded() {
            return;
        }
        let word = |index| entry.call.word(index).unwrap_or_default();
        match entry.call.wasi() {
            Some("fd_close") => drop(self.handles.remove(word(0))),
            Some("fd_renumber") if word(0) != word(1) => {
                self.handles.remove(word(1));
                if let Some(handle) = self.handles.remove(word(0)) {
                    self.handles.insert(word(1), handle);
                }
            }
            _ => {}
        }
    }

    fn directory(&self, fd: u32) -> wasmtime::Result<Place> {
        match self.handles.get(fd) {
            Some(Handle::Directory { place, .. }) => Ok(place.clone()),
            _ => Err(wasmtime::Error::msg("a directory is not open any more")),
        }
    }
}

/// Whether the overlay has answered a call, or leaves that to wasmtime-wasi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handled {
    Yes,
    No,
}

impl OverlayCall<'_, '_> {
    /// The 32-bit argument of this name.
    fn word(&self, name: &str) -> u32 {
        self.function.word(self.args, name).unwrap_or(0)
    }

    /// The 64-bit argument of this name.
    fn long(&self, name: &str) -> u64 {
        let index = self.function.params.iter().position(|(param, _)| *param == name);
        match index.and_then(|index| self.args.get(index)) {
            Some(HostValue::I64(value)) => value.cast_unsigned(),
            _ => 0,
        }
    }

    /// The path in these arguments.
    fn path(&self, at: &str, len: &str) -> Outcome<String> {
        let bytes = self.memory.to_vec(GuestPtr::<[u8]>::new((self.word(at), self.word(len))))?;
        let path = String::from_utf8(bytes).map_err(|_| Failure::Errno(errno::ILSEQ))?;
        if path.contains('\0') { Err(Failure::Errno(errno::INVAL)) } else { Ok(path) }
    }

    /// What a changed file shows as its time.
    fn now(&self) -> u64 {
        self.files.now()
    }

    fn put<T: wiggle::GuestType>(&mut self, at: &str, value: T) -> Outcome<Handled> {
        self.memory.write(GuestPtr::new(self.word(at)), value)?;
        Ok(Handled::Yes)
    }

    /// Writes attributes as WASI has them.
    fn put_stat(&mut self, at: &str, stat: Stat) -> Outcome<Handled> {
        let address = self.word(at);
        let modified = self.files.modified(stat.modified);
        let inode = self.files.inode(stat.inode);
        let size = if stat.filetype == lower::DIRECTORY { 0 } else { stat.size };
        let field = |offset: u32| GuestPtr::<u64>::new(address.wrapping_add(offset));
        let words = [1, inode, u64::from(stat.filetype), 1, size, modified, modified, modified];
        for (index, word) in (0u32..).zip(words) {
            self.memory.write(field(8 * index), word)?;
        }
        Ok(Handled::Yes)
    }
}
