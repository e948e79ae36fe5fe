(module
  (type $s (struct (field (mut i32))))
  (table (export "t") 1 10 (ref $s) (struct.new $s (i32.const 5))))
