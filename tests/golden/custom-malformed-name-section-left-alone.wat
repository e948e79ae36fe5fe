;; Custom sections never make a module invalid.
;; init: init
;; call: get()
(module
  (@custom "name" "\01\7f\00")
  (@custom "producers" "\ff\ff")
  (global (mut i32) (i32.const 1))
  (data "")
  (func (export "init") (global.set 0 (i32.const 2)))
  (func (export "get") (result i32) (global.get 0)))
