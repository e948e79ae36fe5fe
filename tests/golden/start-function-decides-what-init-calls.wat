;; The start function exchanges what init then calls through the table, and clears a slot that nobody called.
;; init: preinit
;; call: called()
;; call: through(0)
;; call: through(1)
(module
  (type $f (func))
  (table $t 3 funcref)
  (elem (i32.const 0) $one $two)
  (global $called (mut i32) (i32.const 0))
  (func $one (global.set $called (i32.const 1)))
  (func $two (global.set $called (i32.add (global.get $called) (i32.const 20))))
  (func $start
    (table.set (i32.const 0) (ref.func $two))
    (table.set (i32.const 1) (ref.null func)))
  (start $start)
  (func (export "preinit") (call_indirect (type $f) (i32.const 0)))
  (func (export "through") (param i32) (call_indirect (type $f) (local.get 0)))
  (func (export "called") (result i32) (global.get $called)))
