;; Objects are made in init and are garbage when it ends; typed globals hold nulls and i31 again.
;; init: init
;; call: sum()
;; call: make(9)
(module
  (rec
    (type $node (struct (field $value i32) (field $next (ref null $node)))))
  (type $list (array (mut i32)))
  (global $head (mut (ref null $node)) (ref.null $node))
  (global $sum (mut i32) (i32.const 0))
  (global $immutable (ref null $list) (ref.null $list))
  (table $objects 2 (ref null eq))
  (func (export "init") (local $i i32)
    (loop $l
      (global.set $head (struct.new $node (local.get $i) (global.get $head)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (loop $l
      (global.set $sum (i32.add (global.get $sum) (struct.get $node $value (global.get $head))))
      (global.set $head (struct.get $node $next (global.get $head)))
      (br_if $l (i32.eqz (ref.is_null (global.get $head)))))
    (table.set $objects (i32.const 0) (array.new_fixed $list 2 (i32.const 1) (i32.const 2)))
    (table.set $objects (i32.const 0) (ref.i31 (i32.const 31))))
  (func (export "sum") (result i32 i32)
    (global.get $sum)
    (i31.get_s (ref.cast (ref i31) (table.get $objects (i32.const 0)))))
  (func (export "make") (param i32) (result i32)
    (struct.get $node $value (struct.new $node (local.get 0) (ref.null $node)))))
