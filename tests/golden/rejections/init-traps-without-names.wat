;; init: init
(module
  (func (unreachable))
  (func (export "init") (call 0)))
