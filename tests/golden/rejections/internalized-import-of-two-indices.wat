;; One memory imported twice cannot become two memories.
;; init: init
;; options: internalize
;; preload: env=../providers/state.wat
(module
  (import "env" "memory" (memory $a 1))
  (import "env" "memory" (memory $b 1))
  (func (export "init")))
