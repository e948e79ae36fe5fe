;; init: init
;; options: internalize
;; preload: p=../providers/non-nullable.wat
(module
  (type $s (struct (field (mut i32))))
  (import "p" "t" (table 1 (ref $s)))
  (func (export "init")))
