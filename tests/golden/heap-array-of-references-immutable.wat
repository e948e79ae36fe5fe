;; Immutable arrays of references: none, two, all the same.
;; init: init
;; call: value(0)
;; call: value(1)
;; call: same()
;; call: lens()
(module
  (type $s (struct (field i32))) (type $a (array (ref null $s)))
  (type $all (struct (field (ref $a)) (field (ref $a)) (field (ref $a))))
  (global $g (mut (ref null $all)) (ref.null $all))
  (func (export "init")
    (global.set $g (struct.new $all (array.new_fixed $a 0)
      (array.new_fixed $a 3 (struct.new $s (i32.const 3)) (struct.new $s (i32.const 4)) (ref.null $s))
      (array.new $a (struct.new $s (i32.const 5)) (i32.const 20000)))))
  (func (export "value") (param i32) (result i32) (struct.get $s 0 (array.get $a (struct.get $all 1 (global.get $g)) (local.get 0))))
  (func (export "same") (result i32)
    (ref.eq (array.get $a (struct.get $all 2 (global.get $g)) (i32.const 0)) (array.get $a (struct.get $all 2 (global.get $g)) (i32.const 19999))))
  (func (export "lens") (result i32)
    (i32.add (array.len (struct.get $all 0 (global.get $g))) (array.len (struct.get $all 2 (global.get $g))))))
