;; init: init
(module
  (func $constructor (unreachable))
  (start $constructor)
  (func (export "init")))
