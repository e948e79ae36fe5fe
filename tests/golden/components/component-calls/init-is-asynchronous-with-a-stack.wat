;; Init is lifted asynchronously without a callback, and yields in the middle of a call.
;; init: init
;; call: get()
(component
  (core module $m
    (import "" "return" (func $return (param i32)))
    (import "" "yield" (func $yield (result i32)))
    (global $g (mut i32) (i32.const 0))
    (func $deep (param i32)
      (if (local.get 0)
        (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
        (else (drop (call $yield))))
      (global.set $g (i32.add (global.get $g) (i32.const 1))))
    (func (export "init")
      (call $deep (i32.const 3))
      (call $return (i32.const 0)))
    (func (export "get") (result i32) (global.get $g)))
  (core func $return (canon task.return (result (result))))
  (core func $yield (canon thread.yield))
  (core instance $i (instantiate $m (with ""
    (instance (export "return" (func $return)) (export "yield" (func $yield))))))
  (func (export "init") async (result (result)) (canon lift (core func $i "init") async))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
