;; init: init
;; preload: p=../providers/two-names.wat
;; options: internalize
(module
  (import "p" "g" (global (mut i32))) (import "p" "h" (global (mut i32)))
  (func (export "init")))
