;; A memory with 64-bit addresses, owned by one core instance and written by another.
;; init: init
;; call: get()
(component
  (core module $owner (memory (export "m") i64 1))
  (core instance $o (instantiate $owner))
  (core module $main
    (import "o" "m" (memory i64 1))
    (data (i64.const 16) "\05")
    (func (export "init") (i64.store (i64.const 24) (i64.const 70)) (drop (memory.grow (i64.const 1))))
    (func (export "get") (result i64)
      (i64.add (i64.load (i64.const 24)) (i64.add (i64.load8_u (i64.const 16)) (memory.size)))))
  (core instance $main (instantiate $main (with "o" (instance $o))))
  (func (export "init") (canon lift (core func $main "init")))
  (func (export "get") (result u64) (canon lift (core func $main "get"))))
