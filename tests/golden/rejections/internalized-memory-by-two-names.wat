;; init: init
;; preload: p=../providers/two-names.wat
;; options: internalize
(module
  (import "p" "m" (memory 1)) (import "p" "n" (memory 1))
  (func (export "init")))
