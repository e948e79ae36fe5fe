;; The state is in the innermost of three components. An outer alias brings its module from the outermost.
;; init: wizer-initialize
;; call: get()
(component $root
  (core module $m
    (global $g (mut i64) (i64.const 1))
    (func (export "init") (global.set $g (i64.const -5)))
    (func (export "get") (result i64) (global.get $g)))
  (component $middle
    (component $inner
      (alias outer $root $m (core module $m2))
      (core instance $i (instantiate $m2))
      (func (export "init") (canon lift (core func $i "init")))
      (func (export "get") (result s64) (canon lift (core func $i "get"))))
    (instance $n (instantiate $inner))
    (alias export $n "init" (func $init))
    (alias export $n "get" (func $get))
    (export "init" (func $init))
    (export "get" (func $get)))
  (instance $n (instantiate $middle))
  (alias export $n "init" (func $init))
  (alias export $n "get" (func $get))
  (export "wizer-initialize" (func $init))
  (export "get" (func $get)))
