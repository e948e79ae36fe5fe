//! `soak TARGET FROM..TO`: runs a property on numbered inputs, on all processors, and says which failed.

use preinit_fuzz::inputs::{self, Hostile};
use preinit_testing::freezing::bytes::check_bytes;
use preinit_testing::property::{components, generated, hostile, segments};
use std::ops::Range;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const USAGE: &str = "usage: soak components|freezing|generated|hostile|segments FROM..TO";

/// A case that takes longer is a find.
const TOO_LONG: Duration = Duration::from_secs(30);

/// How often the programs of `freezing` were frozen.
static FREEZES: AtomicU64 = AtomicU64::new(0);

/// Whether the property had something to say about the input.
type Check = Box<dyn Fn(u64) -> bool + Sync + std::panic::RefUnwindSafe>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((check, seeds)) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match soak(&check, seeds) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn parse(arguments: &[String]) -> Option<(Check, Range<u64>)> {
    let [target, range] = arguments else { return None };
    let (from, to) = range.split_once("..")?;
    let seeds = from.parse().ok()?..to.parse().ok()?;
    let check: Check = match target.as_str() {
        "components" => Box::new(|seed| components::check(&inputs::components(seed)) == Ok(true)),
        "freezing" => Box::new(|seed| {
            let counts = check_bytes(&inputs::freezing(seed));
            FREEZES.fetch_add((counts.freezes + counts.again) as u64, Ordering::Relaxed);
            counts.freezes > 0
        }),
        "generated" => {
            Box::new(|seed| generated::check(&inputs::generated(seed)).is_ok_and(|verdict| verdict.accepted))
        }
        "hostile" => {
            let inputs = Hostile::new();
            Box::new(move |seed| hostile::check(&inputs.bytes(seed)))
        }
        "segments" => Box::new(|seed| {
            segments::check(&inputs::segments(seed));
            true
        }),
        _ => return None,
    };
    Some((check, seeds))
}

/// The number of failures.
fn soak(check: &Check, seeds: Range<u64>) -> usize {
    let started = Instant::now();
    let (next, accepted, failed) = (AtomicU64::new(seeds.start), AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return;
            }
            let began = Instant::now();
            let result = catch_unwind(|| check(seed));
            let why = match result {
                Ok(is_accepted) => {
                    accepted.fetch_add(u64::from(is_accepted), Ordering::Relaxed);
                    (began.elapsed() > TOO_LONG).then(|| format!("took {:?}", began.elapsed()))
                }
                Err(panic) => Some(message(&*panic)),
            };
            if let (Some(why), Ok(mut failed)) = (why, failed.lock()) {
                println!("FAILED seed {seed}: {why}");
                failed.push(seed);
            }
            if (seed + 1) % 10_000 == 0 {
                println!("{} done after {:?}", seed + 1 - seeds.start, started.elapsed());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap_or_default();
    println!(
        "{} inputs in {:?}: {} gave a snapshot or a plan, {} failed: {failed:?}",
        seeds.end - seeds.start,
        started.elapsed(),
        accepted.into_inner(),
        failed.len()
    );
    match FREEZES.load(Ordering::Relaxed) {
        0 => {}
        freezes => println!("{freezes} freezes"),
    }
    failed.len()
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").chars().take(300).collect()
}
