;; Variables that begin as an import, or as what is made of one, get the values that init has left, also where these are the same:
;; init may have set them, and with another import they would begin as something else. Constants keep their expressions.
;; init: init
;; preload: env=providers/constants.wat
;; preload: refs=providers/references.wat
;; call: get()
;; call: wide()
;; call: references()
(module
  (import "env" "base" (global $base i32))
  (import "env" "wide" (global $wide i64))
  (import "refs" "null" (global $null funcref))
  (import "refs" "five" (global $five (ref i31)))
  (global $derived i32 (i32.add (global.get $base) (i32.const 1)))
  (global $own i32 (i32.const 3))
  (global $set (mut i32) (global.get $base))
  (global $untouched (mut i32) (i32.add (global.get $derived) (global.get $own)))
  (global $long (mut i64) (global.get $wide))
  (global $function (mut funcref) (global.get $null))
  (global $number (mut i31ref) (global.get $five))
  (global $kept (mut i32) (i32.add (global.get $own) (i32.const 1)))
  (func (export "init")
    (global.set $set (i32.const 48))
    (global.set $function (ref.null func)))
  (func (export "get") (result i32)
    (i32.add (global.get $set) (i32.add (global.get $untouched) (global.get $kept))))
  (func (export "wide") (result i64) (global.get $long))
  (func (export "references") (result i32 i32)
    (ref.is_null (global.get $function)) (i31.get_u (global.get $number))))
