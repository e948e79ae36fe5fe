;; Limits hold for preloaded modules too.
;; init: init
;; preload: env=../providers/endless.wat
;; limits: timeout=50
(module (import "env" "f" (func)) (func (export "init")))
