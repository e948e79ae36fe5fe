//! Hosts that answer otherwise than Wasmtime does.

use preinit::embed::{Sources, Writing, embed_for};
use preinit::wasmtime::{AsContextMut, Caller, Engine, Instance, Linker, Memory, Module, Store};

/// The file that has the arguments, as the only one.
const PATH: &str = "/proc/self/cmdline";
const SUCCESS: i32 = 0;
const TOO_BIG: i32 = 1;
const BADF: i32 = 8;
const IO: i32 = 29;
const OTHER_ERROR: i32 = 70;
/// Where `read` reads to, and what is there before.
const BUFFER: usize = 4096;
const UNTOUCHED: u8 = 0xaa;
/// What the host has open.
const HIGHEST_OPEN: i32 = 2;

/// Opens the file, reads it, and gives another number to it.
fn module(asks: &[&str]) -> Vec<u8> {
    let asks: String = asks
        .iter()
        .map(|name| {
            format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func (param i32 i32) (result i32)))")
        })
        .collect();
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_get" (func (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_sizes_get" (func (param i32 i32) (result i32)))
            {asks}
            (export "renumber" (func $renumber))
            (memory (export "memory") 1)
            (data (i32.const 64) "cmdline")
            (func (export "open") (result i32)
                (drop (call $prestat (i32.const 3) (i32.const 16)))
                (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 0) (i64.const 2)
                    (i64.const 2) (i32.const 0) (i32.const 32)))
                (i32.load (i32.const 32)))
            ;; The errno, or what was read above 16 bits.
            (func (export "read") (param $fd i32) (param $len i32) (result i32)
                (i32.store (i32.const 128) (i32.const {BUFFER}))
                (i32.store (i32.const 132) (local.get $len))
                (i32.store (i32.const 136) (i32.const 0))
                (i32.or (call $read (local.get $fd) (i32.const 128) (i32.const 1) (i32.const 136))
                    (i32.shl (i32.load (i32.const 136)) (i32.const 16)))))"#
    );
    wat::parse_str(text).unwrap()
}

/// What a host says of its arguments: how many there are and their bytes; where each is, after the beginning; their bytes.
#[derive(Clone, Debug)]
struct Said {
    sizes: (i32, u32, u32),
    got: i32,
    places: Vec<u32>,
    text: Vec<u8>,
}

/// As it should be.
fn honest(arguments: &[&[u8]]) -> Said {
    let mut said = Said { sizes: (SUCCESS, 0, 0), got: SUCCESS, places: Vec::new(), text: Vec::new() };
    for argument in arguments {
        said.places.push(said.text.len() as u32);
        said.text.extend([argument, &b"\0"[..]].concat());
    }
    said.sizes = (SUCCESS, arguments.len() as u32, said.text.len() as u32);
    said
}

struct Running {
    store: Store<Said>,
    instance: Instance,
}

fn memory(caller: &mut Caller<'_, Said>) -> Memory {
    caller.get_export("memory").and_then(|export| export.into_memory()).unwrap()
}

fn put(store: impl AsContextMut, memory: Memory, at: u32, bytes: &[u8]) {
    memory.write(store, at as usize, bytes).unwrap();
}

/// An instance on a host that says this, and of `fd_renumber` what `renumbered` says.
fn start(writing: Writing, asks: &[&str], said: Said, renumbered: fn(i32, i32) -> i32) -> Running {
    let mut sources = Sources::default();
    sources.arguments(PATH);
    let wasm = embed_for(&module(asks), &sources.tree().unwrap(), writing).unwrap().wasm;
    let engine = Engine::default();
    let module = Module::new(&engine, wasm).unwrap();
    let mut linker = Linker::<Said>::new(&engine);
    let wasi = "wasi_snapshot_preview1";
    let sizes = |mut caller: Caller<'_, Said>, count: u32, bytes: u32| {
        let (memory, (errno, number, len)) = (memory(&mut caller), caller.data().sizes);
        put(&mut caller, memory, count, &number.to_le_bytes());
        put(&mut caller, memory, bytes, &len.to_le_bytes());
        errno
    };
    let get = |mut caller: Caller<'_, Said>, pointers: u32, text: u32| {
        let (memory, said) = (memory(&mut caller), caller.data().clone());
        for (index, place) in (0u32..).zip(&said.places) {
            put(&mut caller, memory, pointers + 4 * index, &(text + place).to_le_bytes());
        }
        put(&mut caller, memory, text, &said.text);
        said.got
    };
    let status = |number: i32, _: i32| if number > HIGHEST_OPEN { BADF } else { SUCCESS };
    linker.func_wrap(wasi, "args_sizes_get", sizes).unwrap();
    linker.func_wrap(wasi, "args_get", get).unwrap();
    linker.func_wrap(wasi, "fd_renumber", renumbered).unwrap();
    linker.func_wrap(wasi, "fd_prestat_get", |_: i32, _: i32| BADF).unwrap();
    linker.func_wrap(wasi, "fd_close", |_: i32| SUCCESS).unwrap();
    for name in ["fd_fdstat_get", "fd_filestat_get"] {
        linker.func_wrap(wasi, name, status).unwrap();
    }
    linker.define_unknown_imports_as_traps(&module).unwrap();
    let mut store = Store::new(&engine, said);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    Running { store, instance }
}

impl Running {
    fn open(&mut self) -> i32 {
        self.instance
            .get_typed_func::<(), i32>(&mut self.store, "open")
            .unwrap()
            .call(&mut self.store, ())
            .unwrap()
    }

    fn call(&mut self, name: &str, first: i32, second: i32) -> i32 {
        let function = self.instance.get_typed_func::<(i32, i32), i32>(&mut self.store, name).unwrap();
        function.call(&mut self.store, (first, second)).unwrap()
    }

    /// What is read of so many bytes, or the errno.
    fn read(&mut self, fd: i32, len: i32) -> Result<Vec<u8>, i32> {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        memory.write(&mut self.store, BUFFER, &vec![UNTOUCHED; len as usize]).unwrap();
        let answer = self.call("read", fd, len);
        let mut bytes = vec![0; len as usize];
        memory.read(&self.store, BUFFER, &mut bytes).unwrap();
        let done = (answer >> 16) as usize;
        assert!(bytes[done..].iter().all(|byte| *byte == UNTOUCHED), "{bytes:?}");
        if answer & 0xffff == 0 { Ok(bytes[..done].to_vec()) } else { Err(answer & 0xffff) }
    }
}

/// What the file has if the host says this.
fn read(writing: Writing, said: Said) -> Result<Vec<u8>, i32> {
    let mut running = start(writing, &[], said, |_, _| BADF);
    let fd = running.open();
    assert!(fd > 3);
    running.read(fd, 100)
}

/// Node's WASI says of every number that it can take its own place: whether it is open or not.
#[test]
fn what_is_not_open_takes_no_number() {
    type Renumber = fn(i32, i32) -> i32;
    let nodes: Renumber = |from, to| if from == to || from.max(to) <= HIGHEST_OPEN { SUCCESS } else { BADF };
    let honest_one: Renumber = |from, to| if from.max(to) <= HIGHEST_OPEN { SUCCESS } else { BADF };
    let cases: [(&[&str], Renumber); 4] = [
        (&["fd_fdstat_get"], nodes),
        (&["fd_filestat_get"], nodes),
        (&["fd_filestat_get", "fd_fdstat_get"], nodes),
        (&[], honest_one),
    ];
    for writing in [Writing::Refused, Writing::InMemory] {
        for (asks, renumbered) in cases {
            let mut running = start(writing, asks, honest(&[b"app", b"x"]), renumbered);
            let fd = running.open();
            for number in [7, 511] {
                assert_eq!(running.call("renumber", number, fd), BADF, "{writing:?} {asks:?} {number}");
                assert_eq!(running.call("renumber", fd, number), BADF, "{writing:?} {asks:?} {number}");
            }
            assert_eq!(running.read(fd, 100), Ok(b"app\0x\0".to_vec()), "{writing:?} {asks:?}");
            assert_eq!(running.call("renumber", fd, HIGHEST_OPEN), SUCCESS, "{writing:?} {asks:?}");
            assert_eq!(running.read(HIGHEST_OPEN, 100), Ok(Vec::new()), "at its end");
            assert_eq!(running.read(fd, 100), Err(BADF));
        }
    }
}

/// Nothing is made of arguments but a text: what is no UTF-8 too, and none at all.
#[test]
fn any_arguments_are_read() {
    let cases: [&[&[u8]]; 4] = [&[], &[b""], &[b"", b""], &[b"app", b"\xff\xfe", b"", b"\n"]];
    for arguments in cases {
        let expected = honest(arguments).text;
        for writing in [Writing::Refused, Writing::InMemory] {
            assert_eq!(read(writing, honest(arguments)), Ok(expected.clone()), "{writing:?} {arguments:?}");
        }
    }
}

/// What the host says of its arguments does not fit together, or it says nothing: an error, not bytes of something else.
#[test]
fn arguments_that_are_none_are_an_error() {
    let good = honest(&[b"app", b"xyz"]);
    let with = |change: fn(&mut Said)| {
        let mut said = good.clone();
        change(&mut said);
        said
    };
    let cases = [
        (IO, with(|said| said.sizes.2 += 1)),
        (IO, with(|said| said.sizes.2 -= 1)),
        (IO, with(|said| said.sizes.1 += 1)),
        (IO, with(|said| said.sizes.1 -= 1)),
        (IO, with(|said| said.sizes.1 = 0)),
        (IO, with(|said| said.places[1] -= 1)),
        (IO, with(|said| said.places.swap(0, 1))),
        (IO, with(|said| said.places.clear())),
        (IO, with(|said| said.text.clear())),
        // A zero in an argument makes two of it.
        (IO, with(|said| said.text[5] = 0)),
        (IO, with(|said| said.text[7] = b'z')),
        (OTHER_ERROR, with(|said| said.got = OTHER_ERROR)),
        (OTHER_ERROR, with(|said| said.sizes.0 = OTHER_ERROR)),
        (TOO_BIG, with(|said| said.sizes.2 = u32::MAX)),
        (TOO_BIG, with(|said| said.sizes.1 = u32::MAX)),
        (TOO_BIG, with(|said| said.sizes.1 = 1 << 30)),
    ];
    for (errno, said) in cases {
        for writing in [Writing::Refused, Writing::InMemory] {
            assert_eq!(read(writing, said.clone()), Err(errno), "{writing:?} {said:?}");
        }
    }
}
