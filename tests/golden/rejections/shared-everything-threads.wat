;; A proposal that nobody runs yet.
;; init: init
(module (global (shared mut i32) (i32.const 0)) (func (export "init")))
