;; Immutable globals that read one another keep their initializers as written; the mutable one that is set does not.
;; init: init
;; call: sum()
(module
  (global $a i32 (i32.const 7))
  (global $b i32 (i32.add (global.get $a) (i32.const 5)))
  (global $c (mut i32) (global.get $b))
  (global $d (mut i32) (global.get $b))
  (func (export "init") (global.set $c (i32.const 99)))
  (func (export "sum") (result i32)
    (i32.add (i32.add (global.get $a) (global.get $b)) (i32.add (global.get $c) (global.get $d)))))
