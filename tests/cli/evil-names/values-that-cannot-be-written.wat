;; preinit x.wat -o out.wasm
;; says the state holds values that cannot be written
(module
  (import "NAME" "NAME" (global $g externref))
  (table $t (@name "NAME") 1 externref)
  (global $h (@name "NAME") (mut externref) (ref.null extern))
  (func (export "preinit")
    (table.set $t (i32.const 0) (global.get $g))
    (global.set $h (global.get $g))))
