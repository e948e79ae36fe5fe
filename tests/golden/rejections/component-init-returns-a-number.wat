;; init: init
(component
  (core module $m (func (export "init") (result i32) (i32.const -3)))
  (core instance $i (instantiate $m))
  (func (export "init") (result s32) (canon lift (core func $i "init"))))
