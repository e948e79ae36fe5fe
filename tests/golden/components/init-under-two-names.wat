;; The export of init is exported again under another name, which stays and still means the function.
;; init: init
;; call: get()
;; call: again()
;; call: get()
(component
  (core module $m
    (global $g (mut i32) (i32.const 1))
    (func (export "init") (global.set $g (i32.add (global.get $g) (i32.const 4))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m))
  (func $init (export "init") (canon lift (core func $i "init")))
  (export "again" (func $init))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
