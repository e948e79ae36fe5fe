;; Two bytes 64 MiB apart: half of that would have to be padding for Wasmtime to map it.
;; options: mappable
;; call: peek(8)
;; call: peek(67108864)
;; call: peek(67108865)
;; call: peek(4096)
(module
  (memory (export "memory") 1025)
  (func (export "preinit")
    (i32.store8 (i32.const 8) (i32.const 5))
    (i32.store8 (i32.const 67108864) (i32.const 6)))
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0))))
