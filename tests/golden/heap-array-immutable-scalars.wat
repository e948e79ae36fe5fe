;; Immutable arrays of numbers: short, long, all zero, empty.
;; init: init
;; call: get(0, 1)
;; call: get(1, 99)
;; call: get(2, 49)
;; call: len(0)
;; call: len(2)
;; call: len(3)
;; call: get(3, 0)
(module
  (type $a (array i32)) (type $m (array (mut (ref null $a))))
  (data $d "\01\00\00\00\02\00\00\00\03\00\00\00")
  (global $all (mut (ref null $m)) (ref.null $m))
  (func (export "init")
    (global.set $all (array.new_fixed $m 4
      (array.new_data $a $d (i32.const 0) (i32.const 3)) (array.new $a (i32.const -5) (i32.const 100))
      (array.new_default $a (i32.const 50)) (array.new_fixed $a 0))))
  (func (export "get") (param i32 i32) (result i32)
    (array.get $a (array.get $m (global.get $all) (local.get 0)) (local.get 1)))
  (func (export "len") (param i32) (result i32) (array.len (array.get $m (global.get $all) (local.get 0)))))
