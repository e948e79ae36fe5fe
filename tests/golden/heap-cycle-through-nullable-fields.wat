;; Two objects that point to each other, and one that points to itself.
;; init: init
;; call: check()
(module
  (type $n (struct (field (mut (ref null $n))) (field i32)))
  (global $g (mut (ref null $n)) (ref.null $n))
  (func (export "init") (local $a (ref $n)) (local $b (ref $n))
    (local.set $a (struct.new $n (ref.null $n) (i32.const 1)))
    (local.set $b (struct.new $n (local.get $a) (i32.const 2)))
    (struct.set $n 0 (local.get $a) (local.get $b))
    (global.set $g (local.get $a)))
  (func (export "check") (result i32 i32)
    (ref.eq (struct.get $n 0 (struct.get $n 0 (global.get $g))) (global.get $g))
    (struct.get $n 1 (struct.get $n 0 (global.get $g)))))
