;; The module has the types that the builder adds.
;; init: init
;; call: get()
(module
  (type $bytes (array i8)) (type $words (array i32)) (type $registry (array (mut anyref))) (type $functions (array funcref))
  (global $g (mut anyref) (ref.null any))
  (func $f (export "f"))
  (func (export "init")
    (global.set $g (array.new_fixed $registry 3 (array.new_fixed $bytes 1 (i32.const 9)) (array.new_fixed $words 1 (i32.const 8))
      (array.new_fixed $functions 1 (ref.func $f)))))
  (func $at (param i32) (result anyref) (array.get $registry (ref.cast (ref $registry) (global.get $g)) (local.get 0)))
  (func (export "get") (result i32 i32 i32)
    (array.get_u $bytes (ref.cast (ref $bytes) (call $at (i32.const 0))) (i32.const 0))
    (array.get $words (ref.cast (ref $words) (call $at (i32.const 1))) (i32.const 0))
    (ref.is_null (array.get $functions (ref.cast (ref $functions) (call $at (i32.const 2))) (i32.const 0)))))
