;; init: init
(component
  (core module $m (func (export "init") (param i32)))
  (core instance $i (instantiate $m))
  (func (export "init") (param "x" u32) (canon lift (core func $i "init"))))
