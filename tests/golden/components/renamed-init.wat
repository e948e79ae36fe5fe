;; The init function gets another name and stays.
;; init: init
;; rename: again=init
;; rename: nothing=no-such-export
;; call: get()
;; call: again()
;; call: get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (i32.add (global.get $g) (i32.const 2))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
