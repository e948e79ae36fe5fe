;; The import stays. What init changed is written into it, zeros too; what is the same is not written.
;; init: init
;; preload: env=providers/state.wat
;; call: env::load(0)
;; call: env::load(8)
;; call: env::load(65528)
(module
  (import "env" "memory" (memory 1))
  (data (i32.const 65528) "segment")
  (func (export "init")
    (i32.store8 (i32.const 3) (i32.const 0))
    (i32.store8 (i32.const 4) (i32.const 0x65))
    (i32.store8 (i32.const 9) (i32.const 0x21))))
