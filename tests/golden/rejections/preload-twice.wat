;; init: init
;; preload: env=../providers/state.wat
;; preload: env=../providers/functions.wat
(module (func (export "init")))
