;; A name that objects of JavaScript have already.
(module
  (import "__proto__" "polluted" (func))
  (func (export "preinit")))
