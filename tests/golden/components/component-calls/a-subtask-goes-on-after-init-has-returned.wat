;; Init is over at once. The function of another component that it has started yields twice after it has returned.
;; init: init
;; call: get()
(component
  (component $worker
    (core module $m
      (import "" "return" (func $return))
      (global $n (mut i32) (i32.const 0))
      (func (export "work") (result i32)
        (call $return)
        (i32.const 1 (; yield ;)))
      (func (export "callback") (param i32 i32 i32) (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 10)))
        (i32.lt_u (global.get $n) (i32.const 20)))
      (func (export "get") (result i32) (global.get $n)))
    (core func $return (canon task.return))
    (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
    (func (export "work") async (canon lift (core func $i "work") async (callback (func $i "callback"))))
    (func (export "get") (result u32) (canon lift (core func $i "get"))))
  (instance $worker (instantiate $worker))
  (component $app
    (import "work" (func $work async))
    (core func $work (canon lower (func $work) async))
    (core module $m
      (import "" "work" (func $work (result i32)))
      (global $status (mut i32) (i32.const 0))
      (func (export "init") (global.set $status (i32.and (call $work) (i32.const 15)))))
    (core instance $i (instantiate $m (with "" (instance (export "work" (func $work))))))
    (func (export "init") async (canon lift (core func $i "init"))))
  (instance $app (instantiate $app (with "work" (func $worker "work"))))
  (export "init" (func $app "init"))
  (export "get" (func $worker "get")))
