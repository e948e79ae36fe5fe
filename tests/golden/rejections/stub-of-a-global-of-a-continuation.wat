;; Not even a null.
;; init: init
;; options: stub-all
(module
  (type $f (func)) (type $c (cont $f))
  (import "env" "g" (global (ref null nocont))) (func (export "init")))
