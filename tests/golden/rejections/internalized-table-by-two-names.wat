;; init: init
;; preload: p=../providers/two-names.wat
;; options: internalize
(module
  (import "p" "t" (table 1 funcref)) (import "p" "u" (table 1 funcref))
  (func (export "init")))
