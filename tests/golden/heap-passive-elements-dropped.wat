;; A dropped segment stays dropped, its items stay where they are used.
;; init: init
;; call: same()
;; call: use()
(module
  (type $s (struct)) (type $a (array (mut (ref null $s))))
  (elem $live externref (item (ref.null extern)))
  (elem $e (ref null $s) (item (struct.new $s)))
  (global $x (mut (ref null $a)) (ref.null $a)) (global $y (mut (ref null $a)) (ref.null $a))
  (func (export "init")
    (global.set $x (array.new_elem $a $e (i32.const 0) (i32.const 1)))
    (global.set $y (array.new_elem $a $e (i32.const 0) (i32.const 1)))
    (elem.drop $e))
  (func (export "same") (result i32) (ref.eq (array.get $a (global.get $x) (i32.const 0)) (array.get $a (global.get $y) (i32.const 0))))
  (func (export "use") (result i32) (array.len (array.new_elem $a $e (i32.const 0) (i32.const 1)))))
