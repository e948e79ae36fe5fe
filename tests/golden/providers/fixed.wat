;; state.wat that cannot grow: a memory, a table and mutable globals that hold something, with functions to look at them.
(module
  (type $t (func (result i32)))
  (memory (export "memory") 1 1)
  (table (export "table") 4 4 funcref)
  (global $counter (export "counter") (mut i32) (i32.const 100))
  (global $wide (export "wide") (mut i64) (i64.const -1))
  (global $function (export "function") (mut funcref) (ref.func $one))
  (data (i32.const 0) "handed over")
  (elem (i32.const 0) func $one $one $two)
  (func $one (export "one") (type $t) (i32.const 1))
  (func $two (export "two") (type $t) (i32.const 2))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))
