;; Structs, arrays and i31 of one core instance, in a cycle.
;; init: init
;; call: sum()
;; call: same()
(component
  (core module $m
    (rec (type $node (struct (field (mut i32)) (field (mut (ref null $node))) (field (mut anyref)))))
    (type $array (array (mut i16)))
    (global $list (mut (ref null $node)) (ref.null $node))
    (func (export "init") (local $last (ref null $node))
      (local.set $last (struct.new $node (i32.const 3) (ref.null $node) (array.new $array (i32.const 9) (i32.const 4))))
      (global.set $list (struct.new $node (i32.const 5) (local.get $last) (ref.i31 (i32.const 11))))
      (struct.set $node 1 (local.get $last) (global.get $list)))
    (func (export "sum") (result i32)
      (i32.add (i32.add (struct.get $node 0 (global.get $list))
          (i31.get_s (ref.cast (ref i31) (struct.get $node 2 (global.get $list)))))
        (array.get_u $array (ref.cast (ref $array) (struct.get $node 2 (struct.get $node 1 (global.get $list)))) (i32.const 2))))
    (func (export "same") (result i32)
      (ref.eq (global.get $list) (struct.get $node 1 (struct.get $node 1 (global.get $list))))))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "sum") (result u32) (canon lift (core func $i "sum")))
  (func (export "same") (result bool) (canon lift (core func $i "same"))))
