;; Immutable globals, as a dynamic linker would give them.
(module
  (global (export "base") i32 (i32.const 48))
  (global (export "slot") i32 (i32.const 2))
  (global (export "wide") i64 (i64.const 7)))
