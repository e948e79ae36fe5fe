;; An active segment is dropped by instantiation; code that names it must still find it empty.
;; init: init
;; call: use(0)
;; call: use(1)
(module
  (memory 1)
  (data $active (i32.const 0) "active")
  (func (export "init") (i32.store8 (i32.const 0) (i32.const 0x41)))
  (func (export "use") (param i32) (memory.init $active (i32.const 9) (i32.const 0) (local.get 0))))
