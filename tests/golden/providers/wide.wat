;; Memory and table with 64-bit indices.
(module
  (memory (export "memory") i64 1 4)
  (table (export "table") i64 1 4 funcref))
