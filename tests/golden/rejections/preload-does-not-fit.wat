;; The provider's memory is smaller than the module wants.
;; init: init
;; preload: env=../providers/state.wat
(module
  (import "env" "memory" (memory 5))
  (func (export "init")))
