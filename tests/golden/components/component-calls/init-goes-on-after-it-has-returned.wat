;; Init returns by `task.return`, then yields, and its callback counts to 5. Only then is it over.
;; init: init
;; call: get()
(component
  (core module $m
    (import "" "return" (func $return))
    (global $n (mut i32) (i32.const 0))
    (func (export "init") (result i32)
      (call $return)
      (i32.const 1 (; yield ;)))
    (func (export "callback") (param i32 i32 i32) (result i32)
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (if (result i32) (i32.lt_u (global.get $n) (i32.const 5))
        (then (i32.const 1 (; yield ;)))
        (else (i32.const 0 (; exit ;)))))
    (func (export "get") (result i32) (global.get $n)))
  (core func $return (canon task.return))
  (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
  (func (export "init") async (canon lift (core func $i "init") async (callback (func $i "callback"))))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
