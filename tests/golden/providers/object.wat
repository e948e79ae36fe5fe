(module
  (type $s (struct (field i32)))
  (global (export "object") (ref $s) (struct.new $s (i32.const 77))))
