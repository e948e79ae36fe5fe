;; Nothing is written into an import that init did not change, or changed and restored.
;; init: init
;; preload: env=providers/state.wat
;; call: env::load(0)
(module
  (import "env" "memory" (memory 1))
  (func (export "init")
    (i32.store8 (i32.const 3) (i32.const 0))
    (i32.store8 (i32.const 3) (i32.const 0x64))))
