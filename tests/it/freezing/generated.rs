//! Generated programs are frozen at their host calls, and go on as if nothing had happened: the property is in
//! `preinit_testing::freezing`. `PREINIT_SEEDS=FROM..TO` checks others than those of every test run.

use preinit_testing::freezing::bytes::check_bytes;
use preinit_testing::freezing::generator::{Means, program};
use preinit_testing::freezing::machine::{Machine, engine};
use preinit_testing::freezing::property::{check, check_all};
use preinit_testing::freezing::smith;
use preinit_testing::{random, seeds};

#[test]
fn programs_go_on_from_every_host_call() {
    let seeds = seeds(0..120);
    let count = seeds.end - seeds.start;
    let counts = check_all(seeds, |seed, counts| {
        check(&program(seed, Means::of(seed)), 8, false, counts);
    });
    assert!(counts.freezes as u64 > 2 * count, "{counts:?}");
    assert!(counts.inspected > 0 && counts.again > 0 && counts.deepest > 4, "{counts:?}");
}

/// Frames hold objects that other frames, a global and other objects hold too.
#[test]
fn programs_with_objects_go_on_from_every_host_call() {
    let seeds = seeds(1000..1060);
    let count = seeds.end - seeds.start;
    let counts = check_all(seeds, |seed, counts| {
        check(&program(seed, Means::Objects), 6, false, counts);
    });
    assert!(counts.freezes as u64 > 2 * count, "{counts:?}");
    assert!(counts.inspected > 0 && counts.again > 0 && counts.objects > 3 * count, "{counts:?}");
}

/// They know every instruction and little structure.
#[test]
fn modules_of_wasm_smith_go_on_from_every_host_call() {
    let counts = check_all(seeds(0..60), |seed, counts| {
        let wasm = smith::program_of(&random::bytes(seed, 6000), seed.is_multiple_of(2), seed ^ 7);
        if let Some(wasm) = wasm.filter(|wasm| Machine::try_new(&engine(), wasm, 0).is_ok()) {
            check(&wasm, 4, true, counts);
        }
    });
    assert!(counts.freezes > 40, "{counts:?}");
}

#[test]
fn programs_of_bytes_go_on() {
    let mut freezes = 0;
    for seed in 0..8 {
        let mut bytes = random::bytes(seed, 3000);
        bytes[0] = seed as u8;
        freezes += check_bytes(&bytes).freezes;
    }
    assert!(freezes > 10, "{freezes}");
    assert_eq!(check_bytes(&[]).programs, 0);
}

/// `PREINIT_DUMP=SEED` writes that program to a file.
#[test]
fn the_generator_makes_valid_programs() {
    let dumped: Option<u64> = std::env::var("PREINIT_DUMP").ok().map(|seed| seed.parse().unwrap());
    for seed in (0..300).chain(dumped) {
        let means = if seed < 200 { Means::of(seed) } else { Means::Objects };
        let wasm = program(seed, means);
        if dumped == Some(seed) {
            std::fs::write(std::env::temp_dir().join(format!("{seed}.wasm")), &wasm).unwrap();
        }
        if let Err(error) = preinit::stages::module::Module::parse(&wasm) {
            panic!("seed {seed}: {error}");
        }
    }
}
