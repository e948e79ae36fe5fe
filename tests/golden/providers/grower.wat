;; Changes its own state when called, which the importer sees.
(module
  (memory (export "memory") 1)
  (table (export "table") 1 funcref)
  (global $counter (export "counter") (mut f64) (f64.const 0))
  (func (export "nothing")
    (if (i32.ne (memory.size) (i32.const 1)) (then (return)))
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 65536) (i32.const 7))
    (drop (table.grow (ref.null func) (i32.const 1)))
    (global.set $counter (f64.const -0)))
  (func (export "sizes") (result i32 i32 i32 f64)
    (memory.size) (table.size) (i32.load (i32.const 65536)) (global.get $counter)))
