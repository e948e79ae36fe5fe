;; A library that JavaScript initializes, some time or other.
(module
  (import "env" "back" (func $back))
  (table (export "table") 1 funcref)
  (global $inits (mut i32) (i32.const 0))
  (global $warm (mut i32) (i32.const 0))
  (elem (i32.const 0) $init)
  (func (export "preinit"))
  (func $init (export "begin") (export "again") (global.set $inits (i32.add (global.get $inits) (i32.const 5))))
  (func (export "constructors") (call $back) (global.set $inits (i32.add (global.get $inits) (i32.const 1000))))
  (func (export "warm") (global.set $warm (i32.add (global.get $warm) (i32.const 100))))
  (func (export "inside") (call $init))
  (func (export "calls_back") (call $back))
  (func (export "get") (result i32) (i32.add (global.get $inits) (global.get $warm))))
