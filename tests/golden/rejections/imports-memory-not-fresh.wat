;; The import that is said to hold nothing but zeros holds something.
;; options: fresh-imports
;; preload: env=../providers/state.wat
(module
  (import "env" "memory" (memory 1))
  (func (export "preinit") (i32.store8 (i32.const 100) (i32.const 7))))
