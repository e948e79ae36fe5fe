;; Names of exports are in kebab case.
;; init: init
;; rename: _start=a
(component
  (core module $m (func (export "init")))
  (core instance $i (instantiate $m))
  (func (export "a") (canon lift (core func $i "init")))
  (func (export "init") (canon lift (core func $i "init"))))
