//! Calls on open files and directories.

use wiggle::GuestPtr;

use super::failure::{Failure, Outcome, errno};
use super::handle::Handle;
use super::layer::{NodeId, Place};
use super::view::Seen;
use super::{Handled, Overlay, OverlayCall};
use crate::host::run_limits::Room;
use crate::host::wasi::files::Files;
use crate::host::wasi::readdir::{Found, Listing};

const APPEND: u16 = 1 << 0;
/// DSYNC, RSYNC and SYNC, which cannot be set later.
const SYNCHRONIZED: u16 = 1 << 1 | 1 << 3 | 1 << 4;

/// All rights, and those to read, to read a directory, and to write.
const ALL_RIGHTS: u64 = (1 << 30) - 1;
const RIGHTS_TO_READ: u64 = 1 << 1 | 1 << 14;
const RIGHT_TO_WRITE: u64 = 1 << 6;

/// Of `fd_filestat_set_times` and `path_filestat_set_times`: set the time of change that is given. The current time has
/// become a given one before.
const MTIM: u32 = 1 << 2;
/// Of the same: both a given time and the current one, of access and of change.
const CONTRADICTIONS: [u32; 2] = [1 | 1 << 1, MTIM | 1 << 3];

impl Overlay {
    /// Answers a call on a file in memory.
    pub(super) fn file_call(&mut self, call: &mut OverlayCall<'_, '_>) -> Outcome<Handled> {
        let fd = call.word("fd");
        let Some(file) = self.handles.file(fd).cloned() else { return Ok(Handled::No) };
        let size = self.view.layer.file(file.node)?.len() as u64;
        match call.function.name {
            "fd_advise" | "fd_datasync" | "fd_sync" => Ok(Handled::Yes),
            "fd_allocate" | "fd_fdstat_set_rights" => Err(Failure::Errno(errno::NOTSUP)),
            "fd_readdir" => Err(Failure::Errno(errno::NOTDIR)),
            "fd_tell" => call.put("position", file.position),
            "fd_seek" => {
                let offset = call.long("offset").cast_signed();
                let base = match call.word("whence") {
                    0 => 0,
                    1 => file.position,
                    2 => size,
                    _ => return Err(Failure::Errno(errno::INVAL)),
                };
                let position = base.checked_add_signed(offset).ok_or(Failure::Errno(errno::INVAL))?;
                self.handles.file_mut(fd)?.position = position;
                call.put("position", position)
            }
            "fd_read" => {
                let read = self.read(call, file.node, file.position)?;
                self.handles.file_mut(fd)?.position += read;
                Ok(Handled::Yes)
            }
            "fd_pread" => self.read(call, file.node, call.long("offset")).map(|_| Handled::Yes),
            "fd_write" => {
                let at = if file.flags & APPEND != 0 { size } else { file.position };
                let written = self.write(call, file.node, at)?;
                self.handles.file_mut(fd)?.position = at + written;
                Ok(Handled::Yes)
            }
            "fd_pwrite" => self.write(call, file.node, call.long("offset")).map(|_| Handled::Yes),
            "fd_filestat_get" => call.put_stat("stat", self.view.stat(&Seen::Node(file.node))?),
            "fd_filestat_set_size" if !file.writes => Err(Failure::Errno(errno::INVAL)),
            "fd_filestat_set_size" => {
                self.view.layer.resize(file.node, call.long("size"), call.now())?;
                Ok(Handled::Yes)
            }
            "fd_filestat_set_times" => self.set_node_times(call, file.node),
            "fd_fdstat_get" => {
                let mut rights = ALL_RIGHTS;
                rights &= if file.reads { u64::MAX } else { !RIGHTS_TO_READ };
                rights &= if file.writes { u64::MAX } else { !RIGHT_TO_WRITE };
                let first = u64::from(super::lower::FILE) | u64::from(file.flags) << 16;
                let address = call.word("stat");
                for (offset, word) in [(0, first), (8, rights), (16, rights)] {
                    call.memory.write(GuestPtr::<u64>::new(address.wrapping_add(offset)), word)?;
                }
                Ok(Handled::Yes)
            }
            "fd_fdstat_set_flags" => {
                let flags = u16::try_from(call.word("flags")).unwrap_or(u16::MAX);
                if flags & SYNCHRONIZED != 0 {
                    return Err(Failure::Errno(errno::INVAL));
                }
                self.handles.file_mut(fd)?.flags = flags;
                Ok(Handled::Yes)
            }
            _ => Ok(Handled::No),
        }
    }

    fn read(&mut self, call: &mut OverlayCall<'_, '_>, node: NodeId, offset: u64) -> Outcome<u64> {
        let (address, len) = call.function.stdio_buffer(call.args, call.memory, call.context)?;
        if !self.handles.file(call.word("fd")).is_some_and(|file| file.reads) {
            return Err(Failure::Errno(errno::BADF));
        }
        let content = self.view.layer.file(node)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let end = start.saturating_add(len as usize).min(content.len());
        let bytes = &content[start..end];
        call.memory.copy_from_slice(bytes, GuestPtr::new((address, bytes.len() as u32)))?;
        let read = bytes.len() as u32;
        call.put("nread", read)?;
        Ok(u64::from(read))
    }

    fn write(&mut self, call: &mut OverlayCall<'_, '_>, node: NodeId, offset: u64) -> Outcome<u64> {
        let buffer = call.function.stdio_buffer(call.args, call.memory, call.context)?;
        if !self.handles.file(call.word("fd")).is_some_and(|file| file.writes) {
            return Err(Failure::Errno(errno::BADF));
        }
        let bytes = call.memory.to_vec(GuestPtr::<[u8]>::new(buffer))?;
        if !bytes.is_empty() {
            self.view.layer.write(node, offset, &bytes, call.now())?;
        }
        call.put("nwritten", buffer.1)?;
        Ok(u64::from(buffer.1))
    }

    /// Answers a call on an open directory, once something has changed.
    pub(super) fn directory_call(
        &mut self,
        call: &mut OverlayCall<'_, '_>,
        place: &Place,
    ) -> Outcome<Handled> {
        match call.function.name {
            "fd_filestat_get" => {
                let seen = self.view.look(place)?;
                call.put_stat("stat", self.view.stat(&seen)?)
            }
            "fd_filestat_set_times" => self.set_times(call, place),
            _ => Ok(Handled::No),
        }
    }

    /// What a directory holds now; `None` if wasmtime-wasi can say it.
    pub(in crate::host::wasi) fn listing(
        &mut self,
        fd: u32,
        (files, room): (&mut Files, Room),
    ) -> wasmtime::Result<Option<Result<Listing, i32>>> {
        let Some(Handle::Directory { place, .. }) = self.handles.get(fd) else { return Ok(None) };
        if self.view.layer.is_untouched() {
            return Ok(None);
        }
        let place = place.clone();
        match self.list(&place, room) {
            Ok(found) => Ok(Some(Ok(Listing::of(found, files)))),
            Err(Failure::Errno(errno)) => Ok(Some(Err(errno))),
            Err(Failure::Trap(error)) => Err(error),
        }
    }

    /// The same as entries, if they take no more bytes than there is `room` for.
    fn list(&mut self, place: &Place, room: Room) -> Outcome<Vec<Found<super::Inode>>> {
        let seen = self.view.look(place)?;
        let itself = self.view.stat(&seen)?;
        let dots = [".", ".."].map(|name| Found {
            name: name.as_bytes().to_vec(),
            inode: itself.inode,
            filetype: itself.filetype,
        });
        let listed = self.view.list(place)?;
        let bytes: usize = listed.keys().map(|name| size_of::<Found<super::Inode>>() + name.len()).sum();
        room.fits(bytes as u64).map_err(wasmtime::Error::from)?;
        let entries = listed.into_iter().map(|(name, listed)| Found {
            name: name.into_bytes(),
            inode: listed.inode,
            filetype: listed.filetype,
        });
        Ok(dots.into_iter().chain(entries).collect())
    }

    /// Sets the time of what is at a place.
    pub(super) fn set_times(&mut self, call: &mut OverlayCall<'_, '_>, place: &Place) -> Outcome<Handled> {
        let node = match self.view.look(place)? {
            Seen::Nothing => return Err(Failure::Errno(errno::NOENT)),
            Seen::Node(node) => node,
            Seen::Real(stat) => {
                let node = self.view.copy_up(place, stat)?;
                self.handles.copied_up(place, node, call.ctx)?;
                node
            }
        };
        self.set_node_times(call, node)
    }

    fn set_node_times(&mut self, call: &mut OverlayCall<'_, '_>, node: NodeId) -> Outcome<Handled> {
        let flags = call.word("fst_flags");
        if CONTRADICTIONS.iter().any(|both| flags & both == *both) {
            return Err(Failure::Errno(errno::INVAL));
        }
        if flags & MTIM != 0 {
            self.view.layer.node_mut(node)?.modified = call.long("mtim");
        }
        Ok(Handled::Yes)
    }
}
