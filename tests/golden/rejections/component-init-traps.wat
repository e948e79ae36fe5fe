;; init: init
(component
  (core module $m (func $deep unreachable) (func (export "init") (call $deep)))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init"))))
