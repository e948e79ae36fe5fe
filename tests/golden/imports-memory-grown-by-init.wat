;; Growth has no declarative form: a start function grows the import and writes what lies in the new pages.
;; init: init
;; preload: env=providers/state.wat
;; elsewhere: env=providers/larger.wat
;; call: size()
;; call: env::load(65532)
;; call: env::load(131064)
;; call: env::load(131072)
;; call: env::load(131064)
(module
  (import "env" "memory" (memory 1 8))
  (func (export "init")
    (drop (memory.grow (i32.const 1)))
    (i64.store (i32.const 65532) (i64.const 0x0807060504030201))
    (i32.store8 (i32.const 131071) (i32.const 9)))
  (func (export "size") (result i32) (memory.size)))
