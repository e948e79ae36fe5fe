;; Imports a memory, a table and a mutable global, and changes all three in init: also to zero and to null, and the
;; memory's size, which a snapshot that keeps the imports has to bring about again in a fresh instance.
(module $consumer
  (type $op (func (param i32) (result i32)))
  (import "env" "memory" (memory $memory 1 4))
  (import "env" "table" (table $table 4 8 funcref))
  (import "env" "counter" (global $counter (mut i32)))
  (import "env" "base" (global $base i32))
  (import "env" "scale" (func $scale (type $op)))
  (import "env" "one" (func $one (type $op)))            ;; never called: gives a name to what the table holds

  (data (global.get $base) "placed at the imported base")
  (elem declare func $scale $local)
  (func $local (type $op) (i32.sub (local.get 0) (i32.const 7)))

  (func (export "preinit")
    (i32.store (i32.const 0) (i32.const 0))                ;; "prov" becomes zeros
    (i32.store (i32.const 1024) (call $scale (i32.const 123)))
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 70000) (i32.const 4242))
    (table.set (i32.const 1) (table.get (i32.const 0)))    ;; the provider's own function moves
    (table.set (i32.const 0) (ref.null func))
    (table.set (i32.const 2) (ref.func $scale))
    (table.set (i32.const 3) (ref.func $local))
    (global.set $counter (i32.add (global.get $counter) (i32.const 23))))

  ;; 123 + 1 + (n + 1) + 10 n + (n - 7) + 1230 + 4242 + "ided" + "plac"
  (func (export "query") (param $n i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.add (global.get $counter) (ref.is_null (table.get (i32.const 0)))))
    (local.set $sum (i32.add (local.get $sum) (call_indirect (type $op) (local.get $n) (i32.const 1))))
    (local.set $sum (i32.add (local.get $sum) (call_indirect (type $op) (local.get $n) (i32.const 2))))
    (local.set $sum (i32.add (local.get $sum) (call_indirect (type $op) (local.get $n) (i32.const 3))))
    (local.set $sum (i32.add (local.get $sum) (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
    (local.set $sum (i32.add (local.get $sum) (i32.add (i32.load (i32.const 1024)) (i32.load (i32.const 70000)))))
    (i32.add (local.get $sum) (i32.load (global.get $base)))))
