;; Two arrays made of one live segment share its items, and so does whatever init kept of it.
;; init: init
;; call: same()
;; call: again()
;; call: get()
(module
  (type $s (struct (field (mut i32)))) (type $a (array (mut (ref null $s))))
  (elem $e (ref null $s) (item (struct.new $s (i32.const 1))) (item (ref.null $s)) (item (struct.new $s (i32.const 3))))
  (global $x (mut (ref null $a)) (ref.null $a)) (global $y (mut (ref null $a)) (ref.null $a))
  (func (export "init")
    (global.set $x (array.new_elem $a $e (i32.const 0) (i32.const 3)))
    (global.set $y (array.new_elem $a $e (i32.const 0) (i32.const 3)))
    (struct.set $s 0 (array.get $a (global.get $x) (i32.const 2)) (i32.const 30)))
  (func (export "same") (result i32) (ref.eq (array.get $a (global.get $x) (i32.const 0)) (array.get $a (global.get $y) (i32.const 0))))
  (func (export "again") (result i32)
    (ref.eq (array.get $a (global.get $x) (i32.const 2)) (array.get $a (array.new_elem $a $e (i32.const 0) (i32.const 3)) (i32.const 2))))
  (func (export "get") (result i32) (struct.get $s 0 (array.get $a (array.new_elem $a $e (i32.const 2) (i32.const 1)) (i32.const 0)))))
