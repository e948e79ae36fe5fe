;; init: init(1)
(component
  (type $r' (resource (rep i32)))
  (export $r "r" (type $r'))
  (core module $m (func (export "init") (param i32)))
  (core instance $i (instantiate $m))
  (func (export "init") (param "x" (own $r)) (canon lift (core func $i "init"))))
