;; What is one thing is written by its first name, and where it is two, that is another thing.
;; init: init
;; preload: p=providers/two-names-of-tags-and-objects.wat
;; call: which()
;; call: get()
(module
  (type $s (struct (field i32)))
  (import "p" "t" (tag $t (param i32)))
  (import "p" "u" (tag $u (param i32)))
  (import "p" "a" (global $a (ref $s)))
  (import "p" "b" (global $b (ref $s)))
  (global $e (mut exnref) (ref.null exn))
  (table $kept 1 (ref null $s))
  (func (export "init")
    (block $h (result i32 exnref) (try_table (catch_ref $u $h) (throw $u (i32.const 7))) (unreachable))
    (global.set $e) (drop)
    (table.set $kept (i32.const 0) (global.get $b)))
  (func (export "which") (result i32)
    (block $h (result i32) (try_table (catch $t $h) (throw_ref (global.get $e))) (unreachable)))
  (func (export "get") (result i32) (struct.get $s 0 (table.get $kept (i32.const 0)))))
