;; Strings of the host (`wasm:js-string`, imported string constants) are written back as the imports that they are.
;; init: init
;; call: same()
(module
  (import "'" "hello" (global $hello externref))
  (import "'" "world" (global $world (ref extern)))
  (type $s (struct (field externref) (field (mut (ref extern))) (field anyref)))
  (global $g (mut externref) (ref.null extern)) (global $o (mut (ref null $s)) (ref.null $s))
  (table $t 3 externref)
  (func (export "init")
    (global.set $g (global.get $hello))
    (global.set $o (struct.new $s (global.get $hello) (global.get $world) (any.convert_extern (global.get $world))))
    (table.set $t (i32.const 1) (global.get $world)))
  (func (export "same") (result i32 i32 i32)
    (ref.is_null (global.get $g)) (ref.is_null (struct.get $s 2 (global.get $o))) (ref.is_null (table.get $t (i32.const 1)))))
