;; A module that an instance of a component exports is instantiated outside of it, once.
;; init: init
;; call: get()
(component
  (component $library
    (core module $m (global $n (mut i32) (i32.const 1))
      (func (export "init") (global.set $n (i32.const 6)))
      (func (export "get") (result i32) (global.get $n)))
    (export "m" (core module $m)))
  (instance $library (instantiate $library))
  (alias export $library "m" (core module $m))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
