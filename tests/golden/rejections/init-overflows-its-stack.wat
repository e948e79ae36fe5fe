;; The backtrace is cut.
;; init: init
(module
  (func $forever (param i32) (call $forever (i32.add (local.get 0) (i32.const 1))) (drop (i32.const 0)))
  (func (export "init") (call $forever (i32.const 0))))
