//! Everything that init can see or do: imports, WASI, clocks, randomness, limits; and the ledger of all of it.
