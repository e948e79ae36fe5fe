;; An active segment of objects at an offset that an imported global gives.
;; init: init
;; preload: env=providers/constants.wat
;; call: null(0)
;; call: get()
(module
  (import "env" "slot" (global $at i32))
  (type $s (struct (field i32)))
  (table $t 40 anyref)
  (global $n (mut i32) (i32.const 0))
  (elem (table $t) (offset (global.get $at)) (ref $s) (item (struct.new $s (i32.const 8))))
  (func (export "init") (global.set $n (global.get $at)))
  (func (export "null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0))))
  (func (export "get") (result i32) (struct.get $s 0 (ref.cast (ref $s) (table.get $t (global.get $n))))))
