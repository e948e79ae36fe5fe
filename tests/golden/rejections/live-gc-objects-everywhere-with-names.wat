;; Every place at once: globals and table slots, structs and arrays, with the names of place and type.
;; init: init
(module
  (type $point (struct (field i32)))
  (type $list (array (mut i32)))
  (global $cache (mut (ref null $point)) (ref.null $point))
  (global (mut anyref) (ref.null any))
  (global $fine (mut anyref) (ref.null any))
  (table $objects 8 anyref)
  (table 2 (ref null $list))
  (func (export "init")
    (global.set $cache (struct.new $point (i32.const 1)))
    (global.set 1 (array.new $list (i32.const 0) (i32.const 3)))
    (global.set $fine (ref.i31 (i32.const 3)))
    (table.set $objects (i32.const 0) (struct.new $point (i32.const 2)))
    (table.set $objects (i32.const 7) (array.new $list (i32.const 0) (i32.const 3)))
    (table.set 1 (i32.const 1) (array.new $list (i32.const 0) (i32.const 3)))))
