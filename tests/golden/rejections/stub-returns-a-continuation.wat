;; A stub has none.
;; init: init
;; options: stub-all
(module
  (type $f (func)) (type $c (cont $f))
  (import "env" "f" (func (result (ref null cont)))) (func (export "init")))
