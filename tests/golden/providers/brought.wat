(module
  (type $s (struct (field (mut i32))))
  (table (export "t") 3 (ref null $s) (struct.new $s (i32.const 5)))
  (global (export "m") (mut (ref null $s)) (struct.new $s (i32.const 6))))
