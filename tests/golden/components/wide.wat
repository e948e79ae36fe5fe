;; A 64-bit memory at its maximum, a second memory, a vector, a passive segment that init drops.
;; init: wizer-initialize
;; call: get()
;; call: try-segment()
(component
  (core module $m
    (memory $wide i64 1 1)
    (memory $other 1)
    (global $v (mut v128) (v128.const i32x4 1 2 3 4))
    (data $d "passive")
    (func (export "init")
      (i64.store $wide (i64.const 65528) (i64.const 30))
      (i32.store $other (i32.const 0) (i32.const 4))
      (global.set $v (i32x4.add (global.get $v) (global.get $v)))
      (data.drop $d))
    (func (export "get") (result i64)
      (i64.add
        (i64.add (i64.load $wide (i64.const 65528)) (i64.load32_u $other (i32.const 0)))
        (i64.extend_i32_u (i32x4.extract_lane 3 (global.get $v)))))
    (func (export "try-segment") (memory.init $other $d (i32.const 0) (i32.const 0) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "get") (result s64) (canon lift (core func $i "get")))
  (func (export "try-segment") (canon lift (core func $i "try-segment"))))
