;; Many short strings, some shared, as a language keeps them: an object with a length and an array of units.
;; init: init
;; call: unit(3, 0)
;; call: unit(99, 2)
;; call: shared()
(module
  (type $chars (array (mut i16))) (type $string (struct (field i32) (field (ref $chars)))) (type $list (array (mut (ref null $string))))
  (global $list (mut (ref null $list)) (ref.null $list))
  (func (export "init") (local $i i32)
    (global.set $list (array.new_default $list (i32.const 100)))
    (loop $l
      (array.set $list (global.get $list) (local.get $i)
        (struct.new $string (i32.const 3) (array.new_fixed $chars 3 (local.get $i) (i32.add (i32.const 1) (local.get $i)) (i32.const 300))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))
    (array.set $list (global.get $list) (i32.const 7) (array.get $list (global.get $list) (i32.const 8))))
  (func (export "unit") (param i32 i32) (result i32)
    (array.get_u $chars (struct.get $string 1 (array.get $list (global.get $list) (local.get 0))) (local.get 1)))
  (func (export "shared") (result i32) (ref.eq (array.get $list (global.get $list) (i32.const 7)) (array.get $list (global.get $list) (i32.const 8)))))
