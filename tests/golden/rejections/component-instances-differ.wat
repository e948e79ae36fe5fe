;; Two instances of one module, in different states.
;; init: init
(component
  (core module $m (global $g (mut i32) (i32.const 1)) (func (export "init") (global.set $g (i32.const 2))))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (func (export "init") (canon lift (core func $a "init"))))
