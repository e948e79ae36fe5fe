;; Whoever instantiates the exported module expects it as it was.
;; init: init
(component
  (core module $m (global $g (mut i32) (i32.const 1)) (func (export "init") (global.set $g (i32.const 2))))
  (core instance $i (instantiate $m))
  (export "m" (core module $m))
  (func (export "init") (canon lift (core func $i "init"))))
