;; An option that components do not have.
;; init: init
;; rename: b=a
(component
  (core module $m (func (export "init")))
  (core instance $i (instantiate $m))
  (func (export "a") (canon lift (core func $i "init")))
  (func (export "init") (canon lift (core func $i "init"))))
