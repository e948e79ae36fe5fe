;; An imported mutable global is set to the object that it held.
;; init: init
;; preload: env=providers/objects.wat
;; call: get()
(module
  (import "env" "global" (global $g (mut eqref)))
  (type $s (struct (field i32)))
  (func (export "init") (global.set $g (struct.new $s (i32.const 5))))
  (func (export "get") (result i32) (struct.get $s 0 (ref.cast (ref $s) (global.get $g)))))
