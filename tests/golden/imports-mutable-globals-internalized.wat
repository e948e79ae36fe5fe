;; Mutable imports become the module's own, and the immutable one behind them with them, because indices must not move;
;; the immutable one before them stays.
;; init: init
;; options: internalize
;; preload: env=providers/state.wat
;; preload: constants=providers/constants.wat
;; call: get()
(module
  (import "constants" "slot" (global $slot i32))
  (import "env" "counter" (global $counter (mut i32)))
  (import "constants" "base" (global $base i32))
  (global $derived i32 (global.get $base))
  (global $kept i32 (global.get $slot))
  (func (export "init") (global.set $counter (i32.const -5)))
  (func (export "get") (result i32 i32 i32 i32 i32)
    (global.get $slot) (global.get $counter) (global.get $base) (global.get $derived) (global.get $kept)))
