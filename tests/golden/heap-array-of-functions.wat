;; Functions in arrays, immutable and mutable, typed and not.
;; init: init
;; call: run(0, 5)
;; call: run(1, 5)
;; call: mutable(0, 6)
(module
  (type $f (func (param i32) (result i32))) (type $a (array (ref $f))) (type $m (array (mut funcref)))
  (type $keep (struct (field (ref $a)) (field (ref $m))))
  (global $g (mut (ref null $keep)) (ref.null $keep))
  (func $double (type $f) (i32.mul (local.get 0) (i32.const 2)))
  (func $square (type $f) (i32.mul (local.get 0) (local.get 0)))
  (elem declare func $double $square)
  (func (export "init")
    (global.set $g (struct.new $keep
      (array.new_fixed $a 2 (ref.func $double) (ref.func $square)) (array.new $m (ref.func $square) (i32.const 3)))))
  (func (export "run") (param i32 i32) (result i32)
    (call_ref $f (local.get 1) (array.get $a (struct.get $keep 0 (global.get $g)) (local.get 0))))
  (func (export "mutable") (param i32 i32) (result i32)
    (call_ref $f (local.get 1) (ref.cast (ref $f) (array.get $m (struct.get $keep 1 (global.get $g)) (local.get 0))))))
