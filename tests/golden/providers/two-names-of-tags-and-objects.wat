(module
  (type $s (struct (field i32)))
  (tag $t (param i32)) (export "t" (tag $t)) (export "u" (tag $t))
  (global $a (export "a") (ref $s) (struct.new $s (i32.const 1)))
  (global (export "b") (ref $s) (global.get $a)))
