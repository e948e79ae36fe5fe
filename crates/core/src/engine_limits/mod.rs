//! What engines refuse although the specification allows it. One table, so that every output can be held against it.
//!
//! The limits of engines in browsers are agreed on in the WebAssembly JavaScript interface, "Implementation-defined
//! limits". Their sources have them in `src/wasm/wasm-limits.h` (V8), `js/src/wasm/WasmConstants.h` (SpiderMonkey) and
//! `Source/JavaScriptCore/wasm/WasmLimits.h` (JavaScriptCore).
//!
//! No example: internal to the product; the crate's example shows the pipeline.

mod usage;

pub use usage::Usage;

use std::cell::LazyCell;
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

/// Bytes of a module (`kV8MaxWasmModuleSize`, `MaxModuleBytes`).
pub const MODULE_BYTES: EngineLimit = EngineLimit { what: "bytes", most: 1 << 30, engines: BROWSERS };

/// Types of a module (`kV8MaxWasmTypes`, `MaxTypes`).
pub const TYPES: EngineLimit = EngineLimit { what: "types", most: 1_000_000, engines: BROWSERS };

/// Functions of a module, imported ones included (`kV8MaxWasmFunctions`, `MaxFuncs`).
pub const FUNCTIONS: EngineLimit = EngineLimit { what: "functions", most: 1_000_000, engines: BROWSERS };

/// Imports of a module (`maxImports`; others take ten times as many by now).
pub const IMPORTS: EngineLimit =
    EngineLimit { what: "imports", most: 100_000, engines: &[Engine::JavaScriptCore] };

/// Exports of a module (`maxExports`; others take ten times as many by now).
pub const EXPORTS: EngineLimit =
    EngineLimit { what: "exports", most: 100_000, engines: &[Engine::JavaScriptCore] };

/// Globals of a module (`kV8MaxWasmGlobals`, `MaxGlobals`).
pub const GLOBALS: EngineLimit = EngineLimit { what: "globals", most: 1_000_000, engines: BROWSERS };

/// Tables of a module (`MAX_WASM_TABLES` of wasmparser; browsers take more).
pub const TABLES: EngineLimit = EngineLimit { what: "tables", most: 100, engines: &[Engine::Wasmtime] };

/// Tags of a module (`kV8MaxWasmTags`, `MaxTags`; `maxExceptions`).
pub const TAGS: EngineLimit = EngineLimit { what: "tags", most: 100_000, engines: &[Engine::JavaScriptCore] };

/// Bytes of the name of an import or export (`MaxStringBytes`, `maxStringSize`, `MAX_WASM_STRING_SIZE` of wasmparser).
pub const NAME_BYTES: EngineLimit = EngineLimit {
    what: "bytes in a name",
    most: 100_000,
    engines: &[Engine::SpiderMonkey, Engine::JavaScriptCore, Engine::Wasmtime],
};

/// Results of one function (`kV8MaxWasmFunctionReturns`, `MaxResults`).
pub const RESULTS: EngineLimit = EngineLimit { what: "results", most: 1000, engines: BROWSERS };

/// Fields of a struct (`kV8MaxWasmStructFields`, `MaxStructFields`).
pub const STRUCT_FIELDS: EngineLimit =
    EngineLimit { what: "fields of a struct", most: 10_000, engines: BROWSERS };

/// Pages that a 64-bit memory has when it is made (`kSpecMaxMemory64Pages`).
pub const WIDE_MEMORY_PAGES: EngineLimit =
    EngineLimit { what: "pages of a 64-bit memory", most: 1 << 18, engines: &[Engine::V8] };

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

/// All limits that are on what can be counted in a module without reading its instructions.
pub const COUNTED: &[EngineLimit] = &[
    MODULE_BYTES,
    TYPES,
    FUNCTIONS,
    IMPORTS,
    EXPORTS,
    GLOBALS,
    TABLES,
    TAGS,
    MEMORIES,
    NAME_BYTES,
    PARAMETERS,
    RESULTS,
    STRUCT_FIELDS,
    LOCALS,
    BODY_BYTES,
    DATA_SEGMENTS,
    DATA_SEGMENT_BYTES,
    ELEMENT_SEGMENTS,
    ELEMENT_SEGMENT_ITEMS,
    TABLE_ELEMENTS,
    WIDE_MEMORY_PAGES,
];

/// A limit that an output is beyond, and its input was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// The limit.
    pub limit: EngineLimit,
    /// How much there is.
    pub number: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excess { limit, number } = self;
        let (what, most, engines) = (limit.what, limit.most, limit.engine_names());
        write!(f, "the output has {number} {what}, more than the {most} that {engines} accept")
    }
}

/// The limits that `output` is beyond, and `input` is not.
pub fn exceeded(input: &[u8], output: &[u8]) -> Vec<Excess> {
    let after = Usage::of(output);
    // Most outputs are beyond none.
    let before = LazyCell::new(|| Usage::of(input));
    let excess = |limit: &EngineLimit| {
        let number = after.most(limit);
        let is_new = !limit.allows(number) && limit.allows(before.most(limit));
        is_new.then_some(Excess { limit: *limit, number })
    };
    COUNTED.iter().filter_map(excess).collect()
}

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

    #[test]
    fn what_the_input_was_beyond_already_is_nobodys_fault() {
        let table = |elements: u64| wat::parse_str(format!("(module (table {elements} funcref))")).unwrap();
        let excess = Excess { limit: TABLE_ELEMENTS, number: 10_000_001 };
        assert_eq!(exceeded(&table(10_000_000), &table(10_000_001)), [excess]);
        assert_eq!(exceeded(&table(10_000_001), &table(10_000_001)), []);
        assert_eq!(exceeded(&table(1), &table(10_000_000)), []);
        let words = "the output has 10000001 elements of a table, more than the 10000000 that V8, SpiderMonkey and \
                     JavaScriptCore accept";
        assert_eq!(excess.to_string(), words);
    }
}
