;; Components in components: each has state of its own, and calls go from one to the other.
(component
  (component $Counter
    (core module $M
      (global $count (mut i32) (i32.const 0))
      (func (export "next") (param i32) (result i32)
        (global.set $count (i32.add (global.get $count) (local.get 0)))
        (global.get $count)))
    (core instance $m (instantiate $M))
    (func (export "next") (param "by" u32) (result u32) (canon lift (core func $m "next"))))
  (component $Pair
    (import "left" (func $left (param "by" u32) (result u32)))
    (import "right" (func $right (param "by" u32) (result u32)))
    (core func $left' (canon lower (func $left)))
    (core func $right' (canon lower (func $right)))
    (core module $M
      (import "" "left" (func $left (param i32) (result i32)))
      (import "" "right" (func $right (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "both") (param i32) (result i32)
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1000000)))
        (i32.add
          (i32.load (i32.const 8))
          (i32.add
            (call $left (local.get 0))
            (i32.mul (i32.const 1000) (call $right (i32.add (local.get 0) (i32.const 1))))))))
    (core instance $m (instantiate $M
      (with "" (instance (export "left" (func $left')) (export "right" (func $right'))))))
    (func (export "both") (param "by" u32) (result u32) (canon lift (core func $m "both"))))
  (instance $a (instantiate $Counter))
  (instance $b (instantiate $Counter))
  (instance $pair (instantiate $Pair (with "left" (func $a "next")) (with "right" (func $b "next"))))
  (export "left" (func $a "next"))
  (export "right" (func $b "next"))
  (export "both" (func $pair "both")))

(assert_return (invoke "both" (u32.const 1)) (u32.const 1002001))
(assert_return (invoke "left" (u32.const 5)) (u32.const 6))
(assert_return (invoke "both" (u32.const 2)) (u32.const 2005008))
(assert_return (invoke "right" (u32.const 0)) (u32.const 5))

;; A table of one core instance with functions of another.
(component
  (core module $Table
    (table (export "table") 2 funcref)
    (global $calls (mut i32) (i32.const 0))
    (type $f (func (result i32)))
    (func (export "call") (param i32) (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 100)))
      (i32.add (global.get $calls) (call_indirect (type $f) (local.get 0)))))
  (core module $Entries
    (import "" "table" (table 2 funcref))
    (global $state (mut i32) (i32.const 1))
    (func $one (result i32) (global.get $state))
    (func $two (result i32) (global.set $state (i32.add (global.get $state) (i32.const 2))) (global.get $state))
    (elem (i32.const 0) func $one $two))
  (core instance $table (instantiate $Table))
  (core instance $entries (instantiate $Entries (with "" (instance $table))))
  (func (export "call") (param "slot" u32) (result u32) (canon lift (core func $table "call"))))

(assert_return (invoke "call" (u32.const 0)) (u32.const 101))
(assert_return (invoke "call" (u32.const 1)) (u32.const 203))
(assert_return (invoke "call" (u32.const 1)) (u32.const 305))
(assert_return (invoke "call" (u32.const 0)) (u32.const 405))
(assert_trap (invoke "call" (u32.const 2)) "undefined element")
