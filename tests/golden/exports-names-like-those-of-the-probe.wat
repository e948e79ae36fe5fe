;; The module has exports that are called like those that are added while init runs.
;; init: preinit-probe init
;; call: preinit-probe global 0()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "preinit-probe init") (global.set $n (i32.const 2)))
  (func (export "~preinit-probe function 0"))
  (func (export "preinit-probe global 0") (result i32) (global.get $n)))
