;; What is one thing is grown once, whatever names it is imported by.
;; init: init
;; preload: p=providers/two-names.wat
;; call: get()
;; call: sizes()
(module
  (import "p" "m" (memory $m 1))
  (import "p" "n" (memory $n 1))
  (import "p" "t" (table $t 1 funcref))
  (import "p" "u" (table $u 1 funcref))
  (import "p" "g" (global $g (mut i32)))
  (import "p" "h" (global $h (mut i32)))
  (func $f (export "init")
    (drop (memory.grow $n (i32.const 1)))
    (drop (table.grow $u (ref.func $f) (i32.const 1)))
    (i32.store $m (i32.const 70000) (i32.const 5))
    (global.set $h (i32.const 8)))
  (func (export "get") (result i32 i32 i32)
    (i32.load $n (i32.const 70000)) (global.get $g) (ref.is_null (table.get $t (i32.const 1))))
  (func (export "sizes") (result i32 i32 i32 i32)
    (memory.size $m) (memory.size $n) (table.size $t) (table.size $u)))
