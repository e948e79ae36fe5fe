;; What segments wrote and init cleared is gone: no data section is left at all.
;; init: init
;; call: load(0)
;; call: load(100)
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "wiped out")
  (data (i32.const 100) "wiped out too")
  (func (export "init") (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
