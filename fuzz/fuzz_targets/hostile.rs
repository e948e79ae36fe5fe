#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = preinit_fuzz::property::hostile::check(bytes);
});
