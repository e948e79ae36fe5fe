;; Nobody but a module can take one, whether it is called or not.
;; init: init
(module
  (type $f (func)) (type $c (cont $f))
  (import "env" "f" (func (param (ref null $c)))) (func (export "init")))
