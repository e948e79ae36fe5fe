;; The first init function has done its work; the second one traps: nothing of either is written.
;; init: first
;; init: second
(module
  (global $g (mut i32) (i32.const 0))
  (func (export "first") (global.set $g (i32.const 1)))
  (func $second (export "second") (global.set $g (i32.const 2)) unreachable))
