;; `data.drop` in a module without memory; a live segment behind it keeps its index.
;; init: init
;; call: live()
;; call: dropped()
(module
  (type $a (array (mut i8)))
  (data $d "abc") (data $l "defg")
  (global $g (mut (ref null $a)) (ref.null $a))
  (func (export "init") (global.set $g (array.new_data $a $d (i32.const 0) (i32.const 3))) (data.drop $d))
  (func (export "live") (result i32 i32)
    (array.get_u $a (array.new_data $a $l (i32.const 0) (i32.const 4)) (i32.const 3)) (array.get_u $a (global.get $g) (i32.const 2)))
  (func (export "dropped") (result i32) (array.len (array.new_data $a $d (i32.const 0) (i32.const 1)))))
