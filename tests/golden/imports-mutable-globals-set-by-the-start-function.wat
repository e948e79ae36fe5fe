;; A number, a function and a null; the global that is unchanged is not set.
;; init: init
;; preload: env=providers/state.wat
;; call: get()
;; call: null()
(module
  (import "env" "counter" (global $counter (mut i32)))
  (import "env" "wide" (global $wide (mut i64)))
  (import "env" "function" (global $function (mut funcref)))
  (global $own (mut i32) (i32.const 1))
  (func (export "init")
    (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
    (global.set $own (i32.const 2))
    (global.set $function (ref.null func)))
  (func (export "get") (result i32) (i32.add (global.get $counter) (global.get $own)))
  (func (export "null") (result i32) (ref.is_null (global.get $function))))
