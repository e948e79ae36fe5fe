;; The state is the same whichever compiler ran init.
;; init: init
;; options: optimize
;; call: get()
(module
  (global $n (mut i64) (i64.const 1))
  (func (export "init") (local $i i32)
    (loop $l
      (global.set $n (i64.mul (global.get $n) (i64.const 6364136223846793005)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000)))))
  (func (export "get") (result i64) (global.get $n)))
