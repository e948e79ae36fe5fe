;; A type that only this module has.
(module
  (type $own (struct))
  (func (export "preinit"))
  (func (export "go"))
  (func (export "take") (param (ref null $own))))
