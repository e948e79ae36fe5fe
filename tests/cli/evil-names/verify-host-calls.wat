;; preinit verify x.wat x.wat --stub-all --sequences 2
;; says differ
;; the name may be cut
(module
  (import "NAME" "NAME" (func $f (param i32)))
  (global $g (mut i32) (i32.const 0))
  (func (export "preinit") (global.set $g (i32.const 1)))
  (func (export "run") (call $f (global.get $g))))
