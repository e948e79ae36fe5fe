//! A module that does nothing but pass calls on to WASI, and what is seen through it: of a directory of this machine, or of
//! the same directory embedded.

use preinit::embed::{Source, Sources, Writing, embed, embed_for};
use preinit::wasmtime::{Engine, Module, Val};
use preinit_testing::guest::{Answer, Guest, World, compile};
use std::collections::HashMap;
use std::path::Path;

/// Names and parameters, `I` for 64 bits.
const FUNCTIONS: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
];

/// The module; `memory` is its memory type.
pub fn module(memory: &str) -> Vec<u8> {
    let mut imports = String::new();
    let mut functions = String::new();
    for (name, params) in FUNCTIONS {
        let types: Vec<&str> = params.chars().map(|ty| if ty == 'I' { "i64" } else { "i32" }).collect();
        let params = types.join(" ");
        let arguments: String = (0..types.len()).map(|index| format!("(local.get {index}) ")).collect();
        imports.push_str(&format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) (result i32)))\n"
        ));
        functions.push_str(&format!(
            "(func (export \"{name}\") (param {params}) (result i32) {arguments}(call ${name}))\n"
        ));
    }
    let text = format!(
        "(module {imports} (memory (export \"memory\") {memory}) {functions}
            (func (export \"size\") (result i32) (i32.wrap_i64 (i64.extend_i32_u (memory.size))))
            (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0))))"
    );
    wat::parse_str(text).unwrap()
}

/// Where paths are written, where answers are, and where bytes are read to.
pub const PATH: i32 = 1024;
pub const OTHER_PATH: i32 = 8192;
pub const OUT: i32 = 16384;
pub const BUFFER: i32 = 20480;
const IOVS: i32 = 512;

/// A module that passes calls on.
pub struct Driver {
    pub guest: Guest,
    /// Numbers of files, as they were counted by the test.
    inodes: HashMap<u64, usize>,
}

/// An errno, or what a call has said.
pub type Said = Result<Vec<u64>, i32>;

impl Driver {
    /// Starts a module that was made here.
    pub fn start(module: &Module, world: &World) -> Driver {
        Driver { guest: Guest::start(module, world, &[]), inodes: HashMap::new() }
    }

    /// Makes a call, with arguments of the types that it wants. Gives the errno.
    pub fn call(&mut self, name: &str, args: &[i64]) -> i32 {
        let (_, params) = FUNCTIONS.iter().find(|(known, _)| *known == name).expect("a function");
        assert_eq!(params.len(), args.len(), "{name}");
        let value = |(ty, arg): (char, &i64)| if ty == 'I' { Val::I64(*arg) } else { Val::I32(*arg as i32) };
        let args: Vec<Val> = params.chars().zip(args).map(value).collect();
        match self.guest.call_with(name, &args) {
            Answer::Returned(errno) => errno as i32,
            other => panic!("{name} {other:?}"),
        }
    }

    pub fn put_path(&mut self, at: i32, path: &str) -> i64 {
        self.guest.write(at as usize, path.as_bytes());
        path.len() as i64
    }

    pub fn long(&mut self, at: i32) -> u64 {
        self.guest.long_at(at as usize) as u64
    }

    pub fn word(&mut self, at: i32) -> u32 {
        self.long(at) as u32
    }

    /// Opens a path. Gives the number.
    pub fn open(&mut self, fd: u32, path: &str, how: Open) -> Result<u32, i32> {
        let len = self.put_path(PATH, path);
        let Open { follow, flags, rights, fdflags } = how;
        let args =
            [i64::from(fd), follow, PATH.into(), len, flags, rights, i64::MAX >> 35, fdflags, OUT.into()];
        match self.call("path_open", &args) {
            0 => Ok(self.word(OUT)),
            errno => Err(errno),
        }
    }

    /// What is told of a path.
    pub fn stat(&mut self, fd: u32, path: &str, follow: i64) -> Said {
        let len = self.put_path(PATH, path);
        match self.call("path_filestat_get", &[fd.into(), follow, PATH.into(), len, OUT.into()]) {
            0 => Ok(self.filestat()),
            errno => Err(errno),
        }
    }

    /// What is told of something open.
    pub fn stat_open(&mut self, fd: u32) -> Said {
        match self.call("fd_filestat_get", &[fd.into(), OUT.into()]) {
            0 => Ok(self.filestat()),
            errno => Err(errno),
        }
    }

    /// Which file, type and size; what differs from machine to machine is left out.
    fn filestat(&mut self) -> Vec<u64> {
        let inode = self.long(OUT + 8);
        let count = self.inodes.len();
        let file = *self.inodes.entry(inode).or_insert(count) as u64;
        let filetype = self.long(OUT + 16) & 0xff;
        let size = if filetype == 3 { 0 } else { self.long(OUT + 32) };
        vec![file, filetype, size]
    }

    /// Reads up to `len` bytes, from `offset` if there is one.
    pub fn read(&mut self, fd: u32, len: u32, offset: Option<i64>) -> Result<Vec<u8>, i32> {
        self.guest.write(IOVS as usize, &(BUFFER as u32).to_le_bytes());
        self.guest.write(IOVS as usize + 4, &len.to_le_bytes());
        let errno = match offset {
            None => self.call("fd_read", &[fd.into(), IOVS.into(), 1, OUT.into()]),
            Some(offset) => self.call("fd_pread", &[fd.into(), IOVS.into(), 1, offset, OUT.into()]),
        };
        let read = self.word(OUT) as usize;
        if errno == 0 { Ok(self.guest.read(BUFFER as usize, read)) } else { Err(errno) }
    }

    /// Names and types of what a directory holds, in pieces of so many bytes.
    pub fn list(&mut self, fd: u32, mut piece: u32) -> Result<Vec<(String, u8)>, i32> {
        let (mut found, mut cookie) = (Vec::new(), 0);
        loop {
            let args = [fd.into(), BUFFER.into(), piece.into(), cookie, OUT.into()];
            match self.call("fd_readdir", &args) {
                0 => {}
                errno => return Err(errno),
            }
            let used = self.word(OUT) as usize;
            let bytes = self.guest.read(BUFFER as usize, used);
            let (mut rest, before) = (&bytes[..], cookie);
            while let Some((header, names)) = rest.split_first_chunk::<24>() {
                let len = u32::from_le_bytes([header[16], header[17], header[18], header[19]]) as usize;
                let Some((name, others)) = names.split_at_checked(len) else { break };
                found.push((String::from_utf8(name.to_vec()).unwrap(), header[20]));
                cookie = i64::from_le_bytes(*header.first_chunk().unwrap());
                rest = others;
            }
            if used < piece as usize {
                found.sort();
                return Ok(found);
            }
            if cookie == before {
                // A name that has no room would be told forever.
                piece *= 2;
            }
        }
    }
}

/// How a path is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open {
    pub follow: i64,
    pub flags: i64,
    pub rights: i64,
    pub fdflags: i64,
}

pub const READ: i64 = 1 << 1;
pub const WRITE: i64 = 1 << 6;

/// A module with this directory in it as `/data`.
pub fn embedded(wasm: &[u8], directory: &Path) -> Vec<u8> {
    let mut sources = Sources::default();
    sources.add(Source::new("/data", directory)).unwrap();
    embed(wasm, &sources.tree().unwrap()).unwrap().wasm
}

/// The same, where it can be changed.
pub fn embedded_writable(wasm: &[u8], directory: &Path) -> Vec<u8> {
    let mut sources = Sources::default();
    sources.add(Source::new("/data", directory)).unwrap();
    embed_for(wasm, &sources.tree().unwrap(), Writing::InMemory).unwrap().wasm
}

/// The same directory on both sides: of this machine, and embedded.
pub struct Both {
    plain: Module,
    embedded: Module,
    world: World,
}

/// Compiles what passes calls on to both.
pub fn both(directory: &Path) -> Both {
    let engine = Engine::default();
    let plain = module("2");
    Both {
        embedded: compile(&engine, &embedded(&plain, directory)),
        plain: compile(&engine, &plain),
        world: World { dirs: vec![("/data", directory.to_owned())], ..World::default() },
    }
}

/// The same, where both can be changed. The directory of this machine is given for each start.
pub fn both_writable(directory: &Path) -> Both {
    let engine = Engine::default();
    let plain = module("2");
    Both {
        embedded: compile(&engine, &embedded_writable(&plain, directory)),
        plain: compile(&engine, &plain),
        world: World { is_writable: true, ..World::default() },
    }
}

impl Both {
    /// The same with another directory of this machine.
    pub fn start_in(&self, directory: &Path) -> (Driver, Driver) {
        let world = World { dirs: vec![("/data", directory.to_owned())], ..self.world.clone() };
        (Driver::start(&self.plain, &world), Driver::start(&self.embedded, &World::default()))
    }

    /// Fresh instances: on the directory, and on the embedded tree.
    pub fn start(&self) -> (Driver, Driver) {
        (Driver::start(&self.plain, &self.world), Driver::start(&self.embedded, &World::default()))
    }
}
