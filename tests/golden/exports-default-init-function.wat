;; Of the default names, only the first that exists is called; the others stay exported.
;; call: get()
;; call: preinit()
;; call: get()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "preinit") (global.set $n (i32.add (global.get $n) (i32.const 100))))
  (func (export "wizer.initialize") (global.set $n (i32.add (global.get $n) (i32.const 10))))
  (func (export "get") (result i32) (global.get $n)))
