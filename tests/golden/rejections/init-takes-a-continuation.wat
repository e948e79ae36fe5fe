;; There is no way to write one.
;; init: init
(module
  (type $f (func)) (type $c (cont $f))
  (func (export "init") (param (ref null $c))))
