/// A variable in linear memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its first byte.
    pub address: u64,
    /// Its length in bytes; 0 where the type does not say.
    pub size: u64,
    /// Its name with its namespaces.
    pub name: String,
    /// Whether its type can hold addresses.
    pub holds_addresses: bool,
    /// Whether it belongs to a language's own library, by the path of its source.
    pub is_library: bool,
}
