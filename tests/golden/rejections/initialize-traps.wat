;; init: init
(module
  (func $constructors (export "_initialize") (unreachable))
  (func (export "init")))
