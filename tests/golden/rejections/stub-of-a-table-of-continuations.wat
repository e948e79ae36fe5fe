;; Nor a table of them.
;; init: init
;; options: stub-all
(module
  (type $f (func)) (type $c (cont $f))
  (import "env" "t" (table 3 (ref null $c))) (func (export "init")))
