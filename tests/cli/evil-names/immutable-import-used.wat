;; preinit x.wat -o out.wasm --stub-all
;; says valid only where import
(module
  (import "NAME" "NAME" (global $g i32))
  (memory (export "memory") 1)
  (func (export "preinit") (i32.store (i32.const 0) (global.get $g))))
