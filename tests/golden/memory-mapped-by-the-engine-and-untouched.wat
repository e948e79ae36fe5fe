;; Data that the engine itself puts there, because a shared memory has some, too: it may map the other memory copy-on-write,
;; and nothing of it need have been touched.
;; call: peek(1048576)
;; call: peek(1048580)
;; call: peek(2031616)
;; call: peek(4096)
(module
  (memory $large 32)
  (memory $shared 1 1 shared)
  (data (memory $large) (i32.const 0x100000) "hello")
  (data (memory $large) (i32.const 0x1f0000) "far")
  (data (memory $shared) (i32.const 16) "shared")
  (global $ran (mut i32) (i32.const 0))
  (func (export "preinit") (global.set $ran (i32.const 1)))
  (func (export "peek") (param i32) (result i32)
    (i32.mul (global.get $ran) (i32.load8_u $large (local.get 0)))))
