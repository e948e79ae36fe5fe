;; Objects beside a memory with data, custom sections and names.
;; init: init
;; call: get()
(module $m
  (memory 1)
  (data (i32.const 8) "abc")
  (data $p "xyz")
  (type $s (struct (field $left i32) (field $right (mut (ref null $s)))))
  (global $root (mut (ref null $s)) (ref.null $s))
  (@custom "note" (after last) "kept")
  (func $init (export "init")
    (memory.init $p (i32.const 100) (i32.const 0) (i32.const 3)) (data.drop $p)
    (global.set $root (struct.new $s (i32.load8_u (i32.const 9)) (struct.new $s (i32.const 2) (ref.null $s)))))
  (func $get (export "get") (result i32 i32)
    (struct.get $s 0 (struct.get $s 1 (global.get $root))) (i32.load8_u (i32.const 102))))
