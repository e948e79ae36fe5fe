;; A function that JavaScript can pass on but not call.
(module
  (func (export "preinit"))
  (func (export "go"))
  (func (export "take") (param v128)))
