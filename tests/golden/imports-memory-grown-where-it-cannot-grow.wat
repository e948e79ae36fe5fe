;; The snapshot traps at instantiation when the provider's memory is at its limit.
;; init: init
;; preload: env=providers/state.wat
;; elsewhere: env=providers/fixed.wat
;; call: size()
(module
  (import "env" "memory" (memory 1 8))
  (func (export "init") (drop (memory.grow (i32.const 7))))
  (func (export "size") (result i32) (memory.size)))
