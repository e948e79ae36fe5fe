;; An added start function is named where functions have names.
;; init: init
;; preload: env=providers/state.wat
;; call: get()
(module
  (import "env" "counter" (global $counter (mut i32)))
  (func $initialize (export "init") (global.set $counter (i32.const -1)))
  (func $get (export "get") (result i32) (global.get $counter)))
