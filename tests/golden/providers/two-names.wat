(module
  (memory $m 1 10) (export "m" (memory $m)) (export "n" (memory $m))
  (table $t 1 10 funcref) (export "t" (table $t)) (export "u" (table $t))
  (global $g (mut i32) (i32.const 1)) (export "g" (global $g)) (export "h" (global $g)))
