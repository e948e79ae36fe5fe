;; Offsets of segments and initializers of globals that read an immutable import. The import stays, the offsets become
;; numbers, and the report says what the snapshot depends on. An offset must not be taken as 0.
;; init: init
;; preload: env=providers/constants.wat
;; call: load(48)
;; call: load(0)
;; call: call(2)
;; call: call(0)
;; call: derived()
;; call: wide()
(module
  (type $t (func (result i32)))
  (import "env" "base" (global $base i32))
  (import "env" "slot" (global $slot i32))
  (import "env" "wide" (global $wide i64))
  (memory 1)
  (table 4 funcref)
  (data (global.get $base) "based")
  (elem (global.get $slot) func $a)
  (global $derived i32 (i32.add (global.get $base) (i32.const 1)))
  (global $set (mut i32) (global.get $base))
  (func $a (type $t) (i32.const 5))
  (func (export "init") (global.set $set (i32.add (global.get $set) (i32.const 1000))))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0)))
  (func (export "derived") (result i32) (i32.add (global.get $derived) (global.get $set)))
  (func (export "wide") (result i64) (global.get $wide)))
