//! What the layer calls: the real functions, and what `preinit` puts in when it merges the layer into a module.

// The real functions of WASI. One that the module does not import answers `NOSYS`.
#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    pub safe fn args_get(pointers: u32, bytes: u32) -> i32;
    pub safe fn args_sizes_get(count: u32, bytes: u32) -> i32;
    pub safe fn fd_advise(fd: u32, offset: u64, len: u64, advice: u32) -> i32;
    pub safe fn fd_allocate(fd: u32, offset: u64, len: u64) -> i32;
    pub safe fn fd_close(fd: u32) -> i32;
    pub safe fn fd_datasync(fd: u32) -> i32;
    pub safe fn fd_fdstat_get(fd: u32, stat: u32) -> i32;
    pub safe fn fd_fdstat_set_flags(fd: u32, flags: u32) -> i32;
    pub safe fn fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) -> i32;
    pub safe fn fd_filestat_get(fd: u32, stat: u32) -> i32;
    pub safe fn fd_filestat_set_size(fd: u32, size: u64) -> i32;
    pub safe fn fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32) -> i32;
    pub safe fn fd_pread(fd: u32, iovs: u32, count: u32, offset: u64, read: u32) -> i32;
    pub safe fn fd_prestat_get(fd: u32, prestat: u32) -> i32;
    pub safe fn fd_prestat_dir_name(fd: u32, path: u32, len: u32) -> i32;
    pub safe fn fd_pwrite(fd: u32, iovs: u32, count: u32, offset: u64, written: u32) -> i32;
    pub safe fn fd_read(fd: u32, iovs: u32, count: u32, read: u32) -> i32;
    pub safe fn fd_readdir(fd: u32, buffer: u32, len: u32, cookie: u64, used: u32) -> i32;
    pub safe fn fd_renumber(from: u32, to: u32) -> i32;
    pub safe fn fd_seek(fd: u32, offset: i64, whence: u32, position: u32) -> i32;
    pub safe fn fd_sync(fd: u32) -> i32;
    pub safe fn fd_tell(fd: u32, position: u32) -> i32;
    pub safe fn fd_write(fd: u32, iovs: u32, count: u32, written: u32) -> i32;
    pub safe fn path_create_directory(fd: u32, path: u32, len: u32) -> i32;
    pub safe fn path_filestat_get(fd: u32, follow: u32, path: u32, len: u32, stat: u32) -> i32;
    pub safe fn path_filestat_set_times(
        fd: u32,
        follow: u32,
        path: u32,
        len: u32,
        accessed: u64,
        modified: u64,
        flags: u32,
    ) -> i32;
    pub safe fn path_link(
        from: u32,
        follow: u32,
        path: u32,
        len: u32,
        to: u32,
        new_path: u32,
        new_len: u32,
    ) -> i32;
    pub safe fn path_open(
        fd: u32,
        follow: u32,
        path: u32,
        len: u32,
        open_flags: u32,
        rights: u64,
        inheriting: u64,
        flags: u32,
        opened: u32,
    ) -> i32;
    pub safe fn path_readlink(fd: u32, path: u32, len: u32, buffer: u32, buffer_len: u32, used: u32) -> i32;
    pub safe fn path_remove_directory(fd: u32, path: u32, len: u32) -> i32;
    pub safe fn path_rename(from: u32, path: u32, len: u32, to: u32, new_path: u32, new_len: u32) -> i32;
    pub safe fn path_symlink(target: u32, target_len: u32, fd: u32, path: u32, len: u32) -> i32;
    pub safe fn path_unlink_file(fd: u32, path: u32, len: u32) -> i32;
    pub safe fn poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32) -> i32;
    pub safe fn sock_accept(fd: u32, flags: u32, accepted: u32) -> i32;
    pub safe fn sock_recv(fd: u32, buffers: u32, count: u32, flags: u32, read: u32, out_flags: u32) -> i32;
    pub safe fn sock_send(fd: u32, buffers: u32, count: u32, flags: u32, sent: u32) -> i32;
    pub safe fn sock_shutdown(fd: u32, how: u32) -> i32;
}

// What `preinit` puts in.
#[link(wasm_import_module = "embed")]
unsafe extern "C" {
    /// Where the bookkeeping begins in memory.
    pub safe fn base() -> u32;
    /// Copies `len` bytes of the embedded tree, from `from` on, to the address `to`.
    pub safe fn image(to: u32, from: u32, len: u32);
    /// Lets the bookkeeping have so many pages more, after those that it has. 0 if the memory cannot grow.
    #[cfg(feature = "write")]
    pub safe fn more(pages: u32) -> u32;
}

pub const NOSYS: i32 = 52;
