//! Values that init has cut out of files are found, however the files are written.

use super::{options, quiet};
use preinit::Preinit;
use preinit::audit::Level;
use preinit::host::{Access, Directory, WasiOptions};

/// Reads from where the last call has ended until nothing is left.
const TO_THE_END: &str = "(loop $more
            (drop (call $read (i32.load (i32.const 8)) (i32.const 32) (i32.const 1) (i32.const 12)))
            (i32.store (i32.const 32) (i32.add (i32.load (i32.const 32)) (i32.load (i32.const 12))))
            (i32.store (i32.const 36) (i32.sub (i32.load (i32.const 36)) (i32.load (i32.const 12))))
            (br_if $more (i32.load (i32.const 12))))";

/// Reads a file of this name by `reading`, and leaves nothing of it but `kept`, which the module does not have.
fn reader(name: &str, kept: &[u8], (data, reading): (&str, &str)) -> Vec<u8> {
    let masked: String = kept.iter().map(|byte| format!("\\{:02x}", byte ^ 0x80)).collect();
    let text = format!(
        r#"(module
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
        (memory (export "memory") 1025) {data}
        (data (i32.const 512) "{name}")
        (data (i32.const 1024) "{masked}")
        (func (export "preinit") (local $at i32)
          (if (call $open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const {length}) (i32.const 0)
              (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8)) (then unreachable))
          (i32.store (i32.const 32) (i32.const 0x10000))
          (i32.store (i32.const 36) (i32.const 0x4000000))
          {reading}
          (memory.fill (i32.const 0x10000) (i32.const 0) (i32.const 0x4000000))
          (drop (call $close (i32.load (i32.const 8))))
          (loop $l
            (i32.store8 offset=0x8000 (local.get $at)
              (i32.xor (i32.load8_u offset=1024 (local.get $at)) (i32.const 0x80)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $at) (i32.const {kept})))))
        )"#,
        length = name.len(),
        kept = kept.len(),
    );
    wat::parse_str(text).unwrap()
}

/// The findings that are worse than a note.
fn found(name: &str, content: &[u8], kept: &[u8], data: &str) -> Vec<(Level, String)> {
    found_of(&reader(name, kept, (data, TO_THE_END)), name, content)
}

/// The same of a module that reads the file.
fn found_of(reader: &[u8], name: &str, content: &[u8]) -> Vec<(Level, String)> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), content).unwrap();
    let host = directory.path().to_path_buf();
    let dirs = vec![Directory { guest: "/".into(), host, access: Access::ReadOnly }];
    let options = options("preinit", WasiOptions { dirs, ..quiet() });
    let report = Preinit::from(options).run(reader).unwrap().report;
    let worse = report.findings.into_iter().filter(|finding| finding.level < Level::Note);
    worse.map(|finding| (finding.level, finding.title)).collect()
}

#[track_caller]
fn is_danger(name: &str, content: &[u8], kept: &[u8]) {
    let found = found(name, content, kept, "");
    let text = String::from_utf8_lossy(&content[..content.len().min(300)]);
    let [(Level::Danger, title)] = &*found else { panic!("{name}: {text}\n{found:?}") };
    let expected = format!("of the content of the file `/{name}` (");
    assert!(title.contains(&expected) && title.contains("are in the output at memory 0 + 0x8"), "{title}");
}

const SECRET: &str = "hunter2hunter2";

#[test]
fn a_value_is_found_however_it_is_written() {
    for (name, line) in [
        (".npmrc", "//registry.npmjs.org/:_authToken=SECRET"),
        (".npmrc", "//registry.npmjs.org/:_password=\"SECRET\""),
        (".git-credentials", "https://user:SECRET@github.com"),
        (".env", "DATABASE_URL=postgres://bob:SECRET@db.example/shop?sslmode=require"),
        (".env", "REDIS=bob:SECRET@db.example:6379"),
        ("credentials", "see https://a.example/b@c and https://user:SECRET@d.example/"),
        (".netrc", "machine h login u password SECRET"),
        (".netrc", "machine h login u password SECRET account x"),
        (".pgpass", "db.example:5432:shop:bob:SECRET"),
        ("secrets.json", r#"{"a":{"user":"bob","password":"SECRET"},"b":[1,2]}"#),
        ("secrets.json", r#"{"a": {"password" : "SECRET", "b": 1}}"#),
        ("secrets.json", r#"{"a":{"tokens":["SECRET"]}}"#),
        ("secrets.json", r#"{"inner":"{\"password\":\"SECRET\"}"}"#),
        ("secrets.yaml", "db: {user: bob, password: SECRET, port: 5}"),
        ("secrets.yaml", "tokens:\n  - SECRET\n"),
        ("secrets.yaml", "private_key: |\n  SECRET\n"),
        ("secrets.toml", "db = { user = \"bob\", password = 'SECRET' } # the shop's"),
        ("secrets.toml", "user = \"bob\" password = \"SECRET\""),
        (".env", "export API_KEY=SECRET"),
        (".env", "export API_KEY=SECRET # of the shop"),
        (".env", "A=1 API_KEY='SECRET' B=2"),
        (".env", "# API_KEY=SECRET old"),
        ("secret.conf", "Server=db.example;User Id=bob;Password=SECRET;"),
        ("secret.conf", "Server=tcp:db.example,1433;Password=SECRET"),
        ("secret.properties", "jdbc:sqlserver://h;user=bob;password=SECRET;x=y"),
        ("token.txt", "curl -H 'Authorization: Bearer SECRET' https://a.example"),
        ("token.txt", "https://a.example/b?user=bob&token=SECRET&c=d"),
        ("wp-config.php", "define( 'DB_PASSWORD', 'SECRET' );"),
        ("secret.txt", "<user>bob</user><password>SECRET</password>"),
        // By what is in it only.
        ("conf", "url: https://bob:SECRET@db.example/"),
        ("conf", "url: https://a:b@c {\"x\":{\"password\":\"SECRET\"}}"),
    ] {
        is_danger(name, line.replace("SECRET", SECRET).as_bytes(), SECRET.as_bytes());
    }
}

/// In any order, as what has an index at its end, or in small parts.
#[test]
fn a_value_is_found_in_whatever_order_a_file_is_read() {
    let content = format!("{}\ntoken=ghp_0123456789abcdefghijABCDEFGHIJ012345\nend\n", "h".repeat(3000));
    let kept = b"ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let orders: [&[(usize, usize)]; 5] = [
        &[(3000, 60), (0, 100)],
        &[(3000, 60), (0, 3000)],
        &[(3020, 40), (3000, 20), (0, 8)],
        &[(3040, 40), (0, 100), (2990, 50)],
        &[(0, 3020), (3010, 50), (0, 100)],
    ];
    for name in ["shop.db", ".env"] {
        for order in orders {
            let reading: String = order.iter().map(|(at, size)| format!(
                "(i32.store (i32.const 36) (i32.const {size}))
                 (drop (call $pread (i32.load (i32.const 8)) (i32.const 32) (i32.const 1) (i64.const {at}) (i32.const 12)))"
            )).collect();
            let found = found_of(&reader(name, kept, ("", &reading)), name, content.as_bytes());
            assert!(matches!(&*found, [(Level::Danger, _)]), "{name} {order:?}: {found:?}");
        }
    }
}

/// One `=` at the end of a value is no sign that another one follows.
#[test]
fn a_value_that_ends_with_an_equals_sign_is_found() {
    for (value, length) in
        [("aHVudGVyMmh1bnRlcjI=", 19), ("aHVudGVyMmh1bnRlcj==", 18), ("aHVudGVyMmh1bnRlcjIa", 20)]
    {
        for (name, line) in [
            (".netrc", "machine x.example login me password VALUE"),
            ("secrets.txt", "Authorization: Basic VALUE"),
            ("secrets.json", r#"{"header": "Basic VALUE"}"#),
            (".env", "KEY=VALUE"),
            (".env", "KEY=\"VALUE\" # old"),
            ("secret.yaml", "- VALUE"),
        ] {
            let content = line.replace("VALUE", value);
            for kept in [value, &value[..length]] {
                let found = found(name, content.as_bytes(), kept.as_bytes(), "");
                assert_eq!(found.len(), 1, "{name}: {content}, {kept}: {found:?}");
            }
        }
    }
}

#[test]
fn a_value_is_found_without_its_escapes() {
    for (name, line, kept) in [
        (".env", "URL=postgres://bob:hunt%40er2%2Fsecret@db.example/", "hunt@er2/secret"),
        ("secrets.json", r#"{"a":{"password":"hunt\"er2\/secr\u00e9t"}}"#, "hunt\"er2/secr\u{e9}t"),
        (".pgpass", r"h:5432:d:u:hunt\:er2\\secret", r"hunt:er2\secret"),
        ("secret.conf", "Server=x;Password=hunter two secret;User=bob", "hunter two secret"),
        ("secrets.json", r#"{"password":"hunter=two: secret, 2","a":"b"}"#, "hunter=two: secret, 2"),
    ] {
        is_danger(name, line.as_bytes(), kept.as_bytes());
    }
}

#[test]
fn lines_of_private_keys_are_dangers() {
    let lines = [
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
        "abcdefg/ijklmnopqrstuvwxyzabcdefghijklmno+qrstuvwxyzabcdefghijkl",
        "nbcdefgh+jklmnopqrstuvwxyz/bcdefghijklmnopqrstuvwxyzabcdefghijkl",
        "kqgmNkZzO1d/yP0=",
    ];
    let key = |end: &str| {
        let body: String = lines.iter().map(|line| format!("{line}{end}")).collect();
        format!("-----BEGIN RSA PRIVATE KEY-----{end}{body}-----END RSA PRIVATE KEY-----{end}")
    };
    let long = format!("{}{}", key("\n"), "x = y\n".repeat(20_000));
    for content in [
        key("\n"),
        key("\r\n"),
        key("\n    "),
        format!(r#"{{"type":"a","private_key":"{}","b":"c"}}"#, key(r"\n")),
        format!("KEY=\"{}\"", key(r"\n")),
        long,
    ] {
        for line in lines {
            is_danger("app.conf", content.as_bytes(), line.as_bytes());
        }
    }
}

#[test]
fn texts_of_any_size_and_encoding_are_searched() {
    let filler = "# nothing that matters here\nx=1\n".repeat(8000);
    assert!(filler.len() > 200 << 10);
    let line = format!("API_KEY={SECRET}\n");
    is_danger(".env", format!("{filler}{line}{filler}").as_bytes(), SECRET.as_bytes());
    let url = format!("url: https://bob:{SECRET}@db.example/\n");
    is_danger("conf", format!("{filler}{url}{filler}").as_bytes(), SECRET.as_bytes());
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    is_danger("conf", format!("{filler}a {token}\n").as_bytes(), token.as_bytes());
    let many: String = (0..300).map(|line| format!("KEY_{line}=value_{line}_value\n")).collect();
    is_danger(".env", format!("{many}{line}").as_bytes(), SECRET.as_bytes());

    let text = format!("n\u{e4}me=x\nAPI_KEY=p\u{e4}ss{SECRET}\n");
    let kept = format!("p\u{e4}ss{SECRET}");
    let latin1 = |text: &str| text.chars().map(|char| char as u8).collect::<Vec<u8>>();
    let utf16 = |text: &str, of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
    let marked = format!("\u{feff}{text}");
    for (content, raw) in [
        (marked.clone().into_bytes(), kept.clone().into_bytes()),
        (latin1(&text), latin1(&kept)),
        (utf16(&marked, u16::to_le_bytes), utf16(&kept, u16::to_le_bytes)),
        (utf16(&marked, u16::to_be_bytes), utf16(&kept, u16::to_be_bytes)),
        ([&b"\x01\0"[..], text.as_bytes()].concat(), kept.clone().into_bytes()),
    ] {
        is_danger(".env", &content, &raw);
        is_danger(".env", &content, kept.as_bytes());
    }
    let url = format!("\u{feff}url: https://bob:{SECRET}@db.example/\n");
    is_danger("conf", &utf16(&url, u16::to_le_bytes), SECRET.as_bytes());
}

/// Names, common words, and what the module has itself are no secrets of a file.
#[test]
fn what_is_harmless_is_not_accused() {
    let json = r#"{"database":{"password_hash":"sha256-hidden-hidden","hostname":"h"},"list":["a","b"]}"#;
    let yaml = "database:\n  hostname: h\n  # password is required in production2024\n  port: 5432\n";
    let netrc = "machine h login u password p\nmachine i login u password p\n";
    for (name, content, kept) in [
        ("secrets.json", json, "password_hash"),
        ("secrets.json", json, "database"),
        ("secrets.json", json, "hostname"),
        ("secrets.yaml", yaml, "database"),
        ("secrets.yaml", yaml, "hostname"),
        ("secrets.yaml", yaml, "required"),
        ("secrets.yaml", yaml, "production2024"),
        (".netrc", netrc, "password"),
        (".npmrc", "//registry.npmjs.org/:_authToken=short", "_authToken"),
        (".npmrc", "//registry.npmjs.org/:_authToken=short", "//registry.npmjs.org/"),
        (".env", "DATABASE_URL=\"\"\nAPI_KEY2_OLD=\n", "DATABASE_URL"),
        (".env", "DATABASE_URL=\"\"\nAPI_KEY2_OLD=\n", "API_KEY2_OLD"),
        (".env", "API_KEY=\n# see the page2024.\n", "page2024."),
        ("secrets.json", r#"{"a":{"name2_of_key":1}}"#, "name2_of_key"),
        (".env", "# --------------------\nA=1\n", "--------------------"),
        ("app.yaml", "name: production2024\nurl: https://a.example/b:c\n", "production2024"),
        ("app.json", r#"{"password":"hunter2hunter2"}"#, "hunter2hunter2"),
        ("code.py", "x = 'https://a:b@c'\ndef production2024(): return None2Something", "production2024"),
    ] {
        assert_eq!(found(name, content.as_bytes(), kept.as_bytes(), ""), [], "{name}: {content}: {kept}");
    }
    let data = format!("(data (i32.const 16384) \"the default is {SECRET}, or none\")");
    let content = format!("API_KEY={SECRET}\n");
    assert_eq!(found(".env", content.as_bytes(), SECRET.as_bytes(), &data), []);
    assert_eq!(found(".env", content.as_bytes(), b"hunter2hunter3", ""), []);
}

#[test]
fn a_value_that_is_no_secret_of_its_own_is_a_warning() {
    for (name, content, kept) in [
        ("passwords.txt", "bob hunter2hunter2 x\n", "hunter2hunter2"),
        (".env", "MODE=fast MODES='some-mode' # x\n", "some-mode"),
    ] {
        let found = found(name, content.as_bytes(), kept.as_bytes(), "");
        let [(Level::Warning, title)] = &*found else { panic!("{content}: {found:?}") };
        assert!(
            title.starts_with(&format!("{} bytes of the content of the file `/{name}`", kept.len())),
            "{title}"
        );
    }
}

/// What is too much to be looked for is said; secrets come first.
#[test]
fn very_many_values_are_cut_and_that_is_said() {
    let many: String = (0..150_000).map(|line| format!("user{line}: hidden{line}x\n")).collect();
    let content = format!("{many}API_KEY={SECRET}\n");
    is_danger("secrets.yaml", content.as_bytes(), SECRET.as_bytes());
    for (content, kept) in [
        (content.clone(), "something else"),
        // No more than this is read.
        (format!("{}\nAPI_KEY={SECRET}", "x".repeat(17 << 20)), SECRET),
    ] {
        let found = found("secrets.yaml", content.as_bytes(), kept.as_bytes(), "");
        let [(Level::Warning, title)] = &*found else { panic!("{found:?}") };
        let expected = "has more values than are looked for: some may be in the output unseen";
        assert!(
            title.starts_with("the content of the file `/secrets.yaml` (") && title.ends_with(expected),
            "{title}"
        );
    }
}
