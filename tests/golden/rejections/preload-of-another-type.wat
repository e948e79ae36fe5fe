;; init: init
;; preload: env=../providers/state.wat
(module
  (import "env" "counter" (func (param i32)))
  (func (export "init")))
