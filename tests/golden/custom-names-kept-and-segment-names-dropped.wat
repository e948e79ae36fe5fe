;; Functions, locals, labels, types, tables, memories, globals, tags and fields keep their names; of the segments only
;; the one that stays does.
;; init: init
;; call: run(1)
(module $program
  (type $callback (func (param i32) (result i32)))
  (type $pair (struct (field $left i32) (field $right i32)))
  (memory $heap 1)
  (table $dispatch 2 funcref)
  (global $counter (mut i32) (i32.const 0))
  (tag $oops (param i32))
  (data $gone (i32.const 0) "gone")
  (data $stays "stays")
  (elem $table_init (i32.const 0) func $identity)
  (elem $kept func $identity)
  (func $identity (type $callback) (param $value i32) (result i32) (local.get $value))
  (func $initialize (export "init") (global.set $counter (i32.const 1)))
  (func $run (export "run") (param $n i32) (result i32) (local $copy i32)
    (memory.init $stays (i32.const 100) (i32.const 0) (i32.const 5))
    (table.init $dispatch $kept (i32.const 1) (i32.const 0) (i32.const 1))
    (block $done (local.set $copy (local.get $n)))
    (i32.add (local.get $copy) (i32.load8_u (i32.const 100)))))
