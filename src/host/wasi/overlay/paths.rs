//! Calls with paths.

use wiggle::GuestPtr;

use super::failure::{Failure, Outcome, errno};
use super::handle::{Handle, OpenFile, reserve};
use super::layer::{Content, NodeId, Place};
use super::view::{Resolved, Seen};
use super::{Handled, Overlay, OverlayCall, lower};
use crate::host::wasi::answer::refuel;

/// Of `path_open` and other functions with paths.
const FOLLOW: u32 = 1 << 0;
const CREATE: u32 = 1 << 0;
const DIRECTORY: u32 = 1 << 1;
const EXCLUSIVE: u32 = 1 << 2;
const TRUNCATE: u32 = 1 << 3;
const RIGHT_TO_READ: u64 = 1 << 1;
const RIGHT_TO_WRITE: u64 = 1 << 6;

impl Overlay {
    /// Answers a call with one path.
    pub(super) fn path_call(&mut self, call: &mut OverlayCall<'_, '_>) -> Outcome<Handled> {
        let from = match self.handles.get(call.word("fd")) {
            Some(Handle::Directory { place, .. }) => place.clone(),
            _ => return Err(Failure::Errno(errno::NOTDIR)),
        };
        let untouched = self.view.layer.is_untouched();
        match call.function.name {
            "path_open" => self.open(call, &from),
            "path_filestat_get" | "path_readlink" if untouched => Ok(Handled::No),
            "path_filestat_get" => {
                let path = call.path("path", "path_len")?;
                let follow = call.word("flags") & FOLLOW != 0 || path.ends_with('/');
                let found = self.existing(&from, &path, follow)?;
                call.put_stat("stat", self.view.stat(&found.seen)?)
            }
            "path_readlink" => {
                let path = call.path("path", "path_len")?;
                let found = self.existing(&from, &path, false)?;
                let mut target = self.view.link_target(&found.place, &found.seen)?.into_bytes();
                target.truncate(call.word("buf_len") as usize);
                let used = target.len() as u32;
                call.memory.copy_from_slice(&target, GuestPtr::new((call.word("buf"), used)))?;
                call.put("used", used)
            }
            "path_filestat_set_times" => {
                let path = call.path("path", "path_len")?;
                let found = self.existing(&from, &path, call.word("flags") & FOLLOW != 0)?;
                self.set_times(call, &found.place)
            }
            "path_create_directory" => {
                let path = call.path("path", "path_len")?;
                let found = self.view.resolve(&from, &path, false)?;
                self.check_vacant(&found)?;
                self.make(call, found, Content::Directory { opaque: true })
            }
            "path_symlink" => {
                let (target, path) =
                    (call.path("old_path", "old_path_len")?, call.path("new_path", "new_path_len")?);
                let found = self.view.resolve(&from, &path, false)?;
                self.check_end(&found)?;
                self.check_vacant(&found)?;
                if found.is_directory {
                    return Err(Failure::Errno(errno::NOENT));
                }
                if target.starts_with('/') {
                    return Err(Failure::Errno(errno::PERM));
                }
                self.make(call, found, Content::Link(target))
            }
            "path_unlink_file" => {
                let path = call.path("path", "path_len")?;
                let found = self.existing(&from, &path, false)?;
                if self.view.filetype(&found.seen)? == Some(lower::DIRECTORY) {
                    return Err(Failure::Errno(errno::ISDIR));
                }
                self.view.remove(&found.place).map(|()| Handled::Yes)
            }
            "path_remove_directory" => {
                let path = call.path("path", "path_len")?;
                let found = self.existing(&from, &path, false)?;
                self.check_empty_directory(&found)?;
                self.view.remove(&found.place).map(|()| Handled::Yes)
            }
            _ => Ok(Handled::No),
        }
    }

    /// Answers a call with two directories; `None` if neither is overlaid.
    pub(super) fn two_directories(&mut self, call: &mut OverlayCall<'_, '_>) -> Option<Outcome<()>> {
        let names = match call.function.name {
            "path_rename" => ["fd", "new_fd"],
            "path_link" => ["old_fd", "new_fd"],
            _ => return None,
        };
        let [old, new] = names.map(|name| self.handles.get(call.word(name)).cloned());
        Some(match (old, new) {
            (None, None) => return None,
            (Some(Handle::Directory { place: old, .. }), Some(Handle::Directory { place: new, .. })) => {
                match names[0] {
                    "fd" => self.rename(call, &old, &new),
                    _ => self.link(call, &old, &new),
                }
            }
            // What is in memory is on another device than what is not.
            (Some(_), None) | (None, Some(_)) => Err(Failure::Errno(errno::XDEV)),
            (Some(_), Some(_)) => Err(Failure::Errno(errno::NOTDIR)),
        })
    }

    fn rename(&mut self, call: &mut OverlayCall<'_, '_>, old: &Place, new: &Place) -> Outcome<()> {
        let path = call.path("old_path", "old_path_len")?;
        let from = self.view.resolve(old, &path, false)?;
        let path = call.path("new_path", "new_path_len")?;
        let to = self.view.resolve(new, &path, false)?;
        self.check_existing(&from)?;
        self.check_end(&from)?;
        self.check_end(&to)?;
        if from.place == to.place {
            return Ok(());
        }
        // Of two names of one file, both stay.
        if to.seen != Seen::Nothing && self.view.stat(&from.seen)?.inode == self.view.stat(&to.seen)?.inode {
            return Ok(());
        }
        let is_directory = self.view.filetype(&from.seen)? == Some(lower::DIRECTORY);
        if from.place.names.is_empty() || to.place.names.is_empty() || to.place.is_within(&from.place) {
            return Err(Failure::Errno(errno::INVAL));
        }
        if from.place.is_within(&to.place) {
            return Err(Failure::Errno(errno::NOTEMPTY));
        }
        match (is_directory, self.view.filetype(&to.seen)?) {
            (true, Some(lower::DIRECTORY)) => self.check_empty_directory(&to)?,
            (true, Some(_)) => return Err(Failure::Errno(errno::NOTDIR)),
            (false, Some(lower::DIRECTORY)) => return Err(Failure::Errno(errno::ISDIR)),
            (false, None) if to.is_directory => return Err(Failure::Errno(errno::NOTDIR)),
            _ => {}
        }
        let opened = self.handles.cost_of_rename(&from.place, &to.place);
        self.view.rename(&from.place, &to.place, opened)?;
        self.handles.renamed(&from.place, &to.place);
        Ok(())
    }

    fn link(&mut self, call: &mut OverlayCall<'_, '_>, old: &Place, new: &Place) -> Outcome<()> {
        let path = call.path("old_path", "old_path_len")?;
        let from = self.view.resolve(old, &path, call.word("old_flags") & FOLLOW != 0)?;
        let path = call.path("new_path", "new_path_len")?;
        let to = self.view.resolve(new, &path, false)?;
        self.check_end(&to)?;
        self.check_existing(&from)?;
        self.check_end(&from)?;
        self.check_vacant(&to)?;
        if to.is_directory {
            return Err(Failure::Errno(errno::NOENT));
        }
        if self.view.filetype(&from.seen)? == Some(lower::DIRECTORY) {
            return Err(Failure::Errno(errno::PERM));
        }
        let node = self.node(call, &from)?;
        self.view.layer.put(to.place, node);
        Ok(())
    }

    fn open(&mut self, call: &mut OverlayCall<'_, '_>, from: &Place) -> Outcome<Handled> {
        let path = call.path("path", "path_len")?;
        let (flags, rights) = (call.word("oflags"), call.long("base"));
        let writes = rights & RIGHT_TO_WRITE != 0 || flags & (CREATE | TRUNCATE) != 0;
        if self.view.layer.is_untouched() && !writes {
            return self.open_untouched(call, from, &path);
        }
        let follow = call.word("dirflags") & FOLLOW != 0 && flags & EXCLUSIVE == 0 || path.ends_with('/');
        let found = self.view.resolve(from, &path, follow)?;
        if found.is_directory && flags & CREATE != 0 {
            return Err(Failure::Errno(errno::ISDIR));
        }
        let node = match self.view.filetype(&found.seen)? {
            None if flags & CREATE == 0 => return Err(Failure::Errno(errno::NOENT)),
            None if flags & DIRECTORY != 0 => return Err(Failure::Errno(errno::INVAL)),
            None => {
                let node = self.view.layer.add(Content::File(Vec::new()), None, call.now())?;
                self.view.layer.put(found.place.clone(), node);
                node
            }
            Some(_) if flags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE => {
                return Err(Failure::Errno(errno::EXIST));
            }
            Some(lower::LINK) => return Err(Failure::Errno(errno::LOOP)),
            Some(lower::DIRECTORY) if writes => return Err(Failure::Errno(errno::ISDIR)),
            Some(lower::DIRECTORY) => return self.open_directory(call, found),
            Some(_) if found.is_directory || flags & DIRECTORY != 0 => {
                return Err(Failure::Errno(errno::NOTDIR));
            }
            Some(_) if writes => self.node(call, &found)?,
            Some(_) => match found.seen {
                Seen::Node(node) => node,
                _ => return self.open_real(call, found),
            },
        };
        if flags & TRUNCATE != 0 {
            self.view.layer.resize(node, 0, call.now())?;
        }
        self.opened(call, node)
    }

    /// Opens something to read it, while everything is as it really is.
    fn open_untouched(
        &mut self,
        call: &mut OverlayCall<'_, '_>,
        from: &Place,
        path: &str,
    ) -> Outcome<Handled> {
        let fd = self.open_by_wasi(call)?;
        let follow = call.word("dirflags") & FOLLOW != 0 || path.ends_with('/');
        if let Ok(Resolved { place, seen, .. }) = self.view.resolve(from, path, follow) {
            let is_directory = self.view.filetype(&seen)? == Some(lower::DIRECTORY);
            let handle = match is_directory {
                true => Handle::Directory { place, is_real: true },
                false => Handle::Real(place),
            };
            self.handles.insert(fd, handle);
        }
        Ok(Handled::Yes)
    }

    /// Opens a file in memory.
    fn opened(&mut self, call: &mut OverlayCall<'_, '_>, node: NodeId) -> Outcome<Handled> {
        let rights = call.long("base");
        let fd = reserve(call.ctx, call.word("fd"))?;
        let file = OpenFile {
            node,
            position: 0,
            flags: u16::try_from(call.word("fdflags")).unwrap_or(0),
            reads: rights & RIGHT_TO_READ != 0,
            writes: rights & RIGHT_TO_WRITE != 0 || call.word("oflags") & (CREATE | TRUNCATE) != 0,
        };
        self.handles.insert(fd, Handle::File(file));
        call.put("opened", fd)
    }

    fn open_directory(&mut self, call: &mut OverlayCall<'_, '_>, found: Resolved) -> Outcome<Handled> {
        if self.is_known_to_wasi(call, &found) {
            let fd = self.open_by_wasi(call)?;
            self.handles.insert(fd, Handle::Directory { place: found.place, is_real: true });
            return Ok(Handled::Yes);
        }
        let fd = reserve(call.ctx, call.word("fd"))?;
        self.handles.insert(fd, Handle::Directory { place: found.place, is_real: false });
        call.put("opened", fd)
    }

    /// Opens a real file to read it.
    fn open_real(&mut self, call: &mut OverlayCall<'_, '_>, found: Resolved) -> Outcome<Handled> {
        if self.is_known_to_wasi(call, &found) {
            let fd = self.open_by_wasi(call)?;
            self.handles.insert(fd, Handle::Real(found.place));
            return Ok(Handled::Yes);
        }
        let Seen::Real(stat) = found.seen else { return Err(Failure::Errno(errno::NOENT)) };
        let node = self.view.copy(&found.place, stat, false)?;
        self.opened(call, node)
    }

    /// Whether wasmtime-wasi, asked for the same path, would find the same.
    fn is_known_to_wasi(&self, call: &OverlayCall<'_, '_>, found: &Resolved) -> bool {
        let is_real =
            matches!(self.handles.get(call.word("fd")), Some(Handle::Directory { is_real: true, .. }));
        is_real && !found.through_layer
    }

    /// Lets wasmtime-wasi answer. Gives the descriptor.
    fn open_by_wasi(&mut self, call: &mut OverlayCall<'_, '_>) -> Outcome<u32> {
        let Some(dispatch) = call.function.dispatch else { return Err(Failure::Errno(errno::NOTSUP)) };
        match dispatch(refuel(call.ctx), call.memory, call.args)? {
            errno::SUCCESS => Ok(call.memory.read(GuestPtr::<u32>::new(call.word("opened")))?),
            errno => Err(Failure::Errno(errno)),
        }
    }

    /// What is at the end of a path.
    fn existing(&mut self, from: &Place, path: &str, follow: bool) -> Outcome<Resolved> {
        let found = self.view.resolve(from, path, follow)?;
        self.check_existing(&found)?;
        self.check_end(&found)?;
        Ok(found)
    }

    /// Whether something is there.
    fn check_existing(&self, found: &Resolved) -> Outcome<()> {
        if found.seen == Seen::Nothing { Err(Failure::Errno(errno::NOENT)) } else { Ok(()) }
    }

    /// Whether nothing is there.
    fn check_vacant(&self, found: &Resolved) -> Outcome<()> {
        if found.seen == Seen::Nothing { Ok(()) } else { Err(Failure::Errno(errno::EXIST)) }
    }

    /// Whether a path that ends like that of a directory leads to one, if it leads to something.
    fn check_end(&self, found: &Resolved) -> Outcome<()> {
        match self.view.filetype(&found.seen)? {
            Some(filetype) if found.is_directory && filetype != lower::DIRECTORY => {
                Err(Failure::Errno(errno::NOTDIR))
            }
            _ => Ok(()),
        }
    }

    fn make(&mut self, call: &OverlayCall<'_, '_>, found: Resolved, content: Content) -> Outcome<Handled> {
        let node = self.view.layer.add(content, None, call.now())?;
        self.view.layer.put(found.place, node);
        Ok(Handled::Yes)
    }

    /// What was found, as a node of the layer.
    fn node(&mut self, call: &mut OverlayCall<'_, '_>, found: &Resolved) -> Outcome<NodeId> {
        match found.seen {
            Seen::Node(node) => Ok(node),
            Seen::Nothing => Err(Failure::Errno(errno::NOENT)),
            Seen::Real(stat) => {
                let node = self.view.copy_up(&found.place, stat)?;
                self.handles.copied_up(&found.place, node, call.ctx)?;
                Ok(node)
            }
        }
    }

    fn check_empty_directory(&mut self, found: &Resolved) -> Outcome<()> {
        if self.view.filetype(&found.seen)? != Some(lower::DIRECTORY) {
            return Err(Failure::Errno(errno::NOTDIR));
        }
        if found.place.names.is_empty() {
            return Err(Failure::Errno(errno::INVAL));
        }
        match self.view.list(&found.place)?.is_empty() {
            true => Ok(()),
            false => Err(Failure::Errno(errno::NOTEMPTY)),
        }
    }
}
