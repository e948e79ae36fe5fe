;; Gaps between pieces of an imported memory are closed, because whoever provides it has only zeros there.
;; options: fresh-imports
;; preload: env=providers/fresh.wat
;; call: get(0)
;; call: get(4)
;; call: get(12)
;; call: get(70000)
(module
  (import "env" "memory" (memory 1))
  (func (export "preinit") (local $i i32)
    (loop $next
      (i32.store8 (i32.mul (local.get $i) (i32.const 4)) (i32.const 7))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
    (drop (memory.grow (i32.const 1)))
    (i32.store8 (i32.const 70000) (i32.const 9)))
  (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0))))
