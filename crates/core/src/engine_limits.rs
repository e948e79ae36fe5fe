//! What engines refuse although the specification allows it. One table, so that every output can be held against it.
//!
//! The limits of engines in browsers are agreed on in the WebAssembly JavaScript interface, "Implementation-defined
//! limits". Their sources have them in `src/wasm/wasm-limits.h` (V8), `js/src/wasm/WasmConstants.h` (SpiderMonkey) and
//! `Source/JavaScriptCore/wasm/WasmLimits.h` (JavaScriptCore).

use std::fmt;

/// An engine that has limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Chrome, Node.js and Deno.
    V8,
    /// Firefox.
    SpiderMonkey,
    /// Safari and Bun.
    JavaScriptCore,
    /// Wasmtime.
    Wasmtime,
    /// Wasmer.
    Wasmer,
    /// wazero.
    Wazero,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::V8 => "V8",
            Engine::SpiderMonkey => "SpiderMonkey",
            Engine::JavaScriptCore => "JavaScriptCore",
            Engine::Wasmtime => "Wasmtime",
            Engine::Wasmer => "Wasmer",
            Engine::Wazero => "wazero",
        })
    }
}

const BROWSERS: &[Engine] = &[Engine::V8, Engine::SpiderMonkey, Engine::JavaScriptCore];

/// The most that some engines accept of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimit {
    /// What is limited, in the plural.
    pub what: &'static str,
    /// The largest number that is accepted.
    pub most: u64,
    /// The engines that refuse more.
    pub engines: &'static [Engine],
}

impl EngineLimit {
    /// Whether all engines accept `number`.
    pub fn allows(&self, number: u64) -> bool {
        number <= self.most
    }

    /// The engines that refuse more, as a list in words.
    pub fn engine_names(&self) -> String {
        let names: Vec<String> = self.engines.iter().map(Engine::to_string).collect();
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

/// Parameters of one function (`kV8MaxWasmFunctionParams`, `MaxParams`).
pub const PARAMETERS: EngineLimit = EngineLimit { what: "parameters", most: 1000, engines: BROWSERS };

/// Parameters and locals of one function (`kV8MaxWasmFunctionLocals`, `MaxLocals`).
pub const LOCALS: EngineLimit = EngineLimit { what: "locals", most: 50_000, engines: BROWSERS };

/// Bytes of one function body, its declaration of locals included (`kV8MaxWasmFunctionSize`, `MaxFunctionBytes`).
pub const BODY_BYTES: EngineLimit =
    EngineLimit { what: "bytes of a function body", most: 7_654_321, engines: BROWSERS };

/// Operands of `array.new_fixed` (`kV8MaxWasmArrayNewFixedLength`, `MaxArrayNewFixedElements`).
pub const FIXED_ARRAY_ELEMENTS: EngineLimit =
    EngineLimit { what: "operands of `array.new_fixed`", most: 10_000, engines: BROWSERS };

/// Memories of a module (`kV8MaxWasmMemories`, `MaxMemories`, `MAX_WASM_MEMORIES` of wasmparser).
pub const MEMORIES: EngineLimit = EngineLimit {
    what: "memories",
    most: 100,
    engines: &[Engine::V8, Engine::SpiderMonkey, Engine::Wasmtime],
};

/// Data segments of a module (`kV8MaxWasmDataSegments`, `MaxDataSegments`).
pub const DATA_SEGMENTS: EngineLimit =
    EngineLimit { what: "data segments", most: 100_000, engines: BROWSERS };

/// Bytes of one data segment (`MaxDataSegmentLengthPages`).
pub const DATA_SEGMENT_BYTES: EngineLimit =
    EngineLimit { what: "bytes of a data segment", most: 1 << 30, engines: &[Engine::SpiderMonkey] };

/// The end of the data that active segments write to a 32-bit memory: these engines read offsets as signed numbers, and
/// refuse what lies above as out of bounds.
pub const ACTIVE_DATA_END: EngineLimit = EngineLimit {
    what: "bytes before the end of active data",
    most: 1 << 31,
    engines: &[Engine::Wasmer, Engine::Wazero],
};

/// Element segments of a module (`MAX_WASM_ELEMENT_SEGMENTS` of wasmparser).
pub const ELEMENT_SEGMENTS: EngineLimit =
    EngineLimit { what: "element segments", most: 100_000, engines: &[Engine::Wasmtime] };

/// Items of one element segment (`kV8MaxWasmTableInitEntries`, `MaxElemSegmentLength`).
pub const ELEMENT_SEGMENT_ITEMS: EngineLimit =
    EngineLimit { what: "items of an element segment", most: 10_000_000, engines: BROWSERS };

/// Elements that a table has when it is made (`kV8MaxWasmTableSize`, `MaxTableLength`).
pub const TABLE_ELEMENTS: EngineLimit =
    EngineLimit { what: "elements of a table", most: 10_000_000, engines: BROWSERS };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_itself_is_allowed() {
        assert!(PARAMETERS.allows(1000));
        assert!(!PARAMETERS.allows(1001));
    }

    #[test]
    fn engines_are_listed_in_words() {
        assert_eq!(DATA_SEGMENT_BYTES.engine_names(), "SpiderMonkey");
        assert_eq!(ACTIVE_DATA_END.engine_names(), "Wasmer and wazero");
        assert_eq!(TABLE_ELEMENTS.engine_names(), "V8, SpiderMonkey and JavaScriptCore");
    }
}
