;; init: init
;; options: keep-init
;; call: get()
;; call: init()
;; call: get()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "_initialize"))
  (func (export "init") (global.set $n (i32.add (global.get $n) (i32.const 10))))
  (func (export "get") (result i32) (global.get $n)))
