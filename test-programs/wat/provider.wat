;; What consumer.wat imports, for `--preload env=provider.wat`.
(module $provider
  (memory (export "memory") 1 4)
  (table (export "table") 4 8 funcref)
  (global (export "counter") (mut i32) (i32.const 100))
  (global (export "base") i32 (i32.const 32))
  (data (i32.const 0) "provided")
  (elem (i32.const 0) func $one)
  (func $one (export "one") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "scale") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 10))))
