;; The usual case: a component that wraps one core module.
;; init: init
(component
  (core module $m (func (export "init")))
  (core instance (instantiate $m)))
