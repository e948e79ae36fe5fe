;; The only extern and exception references that can be written are nulls; they stay.
;; init: init
;; call: is_null()
(module
  (global $e (mut externref) (ref.null extern))
  (global $x (mut exnref) (ref.null exn))
  (global $n (mut i32) (i32.const 0))
  (func (export "init") (global.set $n (i32.const 1)))
  (func (export "is_null") (result i32)
    (i32.add (ref.is_null (global.get $e)) (ref.is_null (global.get $x)))))
