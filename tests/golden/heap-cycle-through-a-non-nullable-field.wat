;; A field that is never null, of its own type's supertype: a smaller object has to stand in.
;; init: init
;; call: self()
;; call: ring()
(module
  (rec
    (type $base (sub (struct (field i32))))
    (type $n (sub $base (struct (field i32) (field (mut (ref $base)))))))
  (global $g (mut (ref null $n)) (ref.null $n)) (global $ring (mut (ref null $n)) (ref.null $n))
  (func (export "init") (local $x (ref $n)) (local $y (ref $n))
    (local.set $x (struct.new $n (i32.const 5) (struct.new $base (i32.const 1))))
    (struct.set $n 1 (local.get $x) (local.get $x))
    (global.set $g (local.get $x))
    (local.set $x (struct.new $n (i32.const 6) (struct.new $base (i32.const 1))))
    (local.set $y (struct.new $n (i32.const 7) (local.get $x)))
    (struct.set $n 1 (local.get $x) (local.get $y))
    (global.set $ring (local.get $y)))
  (func (export "self") (result i32) (ref.eq (struct.get $n 1 (global.get $g)) (global.get $g)))
  (func (export "ring") (result i32 i32)
    (ref.eq (global.get $ring) (struct.get $n 1 (ref.cast (ref $n) (struct.get $n 1 (global.get $ring)))))
    (struct.get $n 0 (ref.cast (ref $n) (struct.get $n 1 (global.get $ring))))))
