;; Init is a function of an interface that has others: it stays, and so does its core export; another interface is renamed.
;; init: my:app/setup@1.0.0#init
;; rename: my:app/answers@2.0.0=my:app/answers@1.0.0
;; call: my:app/answers@2.0.0#get()
;; call: my:app/setup@1.0.0#init()
;; call: my:app/answers@2.0.0#get()
(component
  (core module $m
    (global $n (mut i32) (i32.const 1))
    (func (export "init") (global.set $n (i32.mul (global.get $n) (i32.const 6))))
    (func (export "reset") (global.set $n (i32.const 1)))
    (func (export "get") (result i32) (global.get $n)))
  (core instance $i (instantiate $m))
  (func $init (canon lift (core func $i "init")))
  (func $reset (canon lift (core func $i "reset")))
  (func $get (result u32) (canon lift (core func $i "get")))
  (instance $setup (export "init" (func $init)) (export "reset" (func $reset)))
  (instance $answers (export "get" (func $get)))
  (export "my:app/setup@1.0.0" (instance $setup))
  (export "my:app/answers@1.0.0" (instance $answers)))
