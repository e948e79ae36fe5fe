#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = preinit_testing::property::components::check(bytes);
});
