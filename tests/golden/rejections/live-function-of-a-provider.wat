;; A function that is neither the module's own nor imported: the provider put it into the table.
;; init: init
;; options: internalize
;; preload: env=../providers/state.wat
(module
  (import "env" "table" (table $shared 4 funcref))
  (import "env" "function" (global $callback (mut funcref)))
  (func (export "init")))
