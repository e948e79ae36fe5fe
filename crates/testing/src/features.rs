//! Which proposals a module needs.

use wasmparser::{Validator, WasmFeatures};

/// Those without which it does not validate.
pub fn needed(wasm: &[u8]) -> Vec<&'static str> {
    let all = WasmFeatures::all().difference(WasmFeatures::COMPONENT_MODEL);
    let needs = |feature: WasmFeatures| {
        Validator::new_with_features(all.difference(feature)).validate_all(wasm).is_err()
    };
    let features = WasmFeatures::all().iter_names();
    features.filter(|(_, feature)| needs(*feature)).map(|(name, _)| name).collect()
}
