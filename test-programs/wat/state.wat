;; Every kind of state that the format of an MVP-plus-references module can hold, each touched by init:
;; globals of all types, two memories (one of them grown), a table set, filled and grown, dropped and live segments.
(module $state
  (type $op (func (param i32) (result i32)))

  (memory $first (export "memory") 1 10)
  (memory $second 1 4)
  (table $ops (export "table") 4 20 funcref)
  (global $calls (mut i32) (i32.const 0))
  (global $wide (mut i64) (i64.const 1))
  (global $single (mut f32) (f32.const 0))
  (global $nan (mut f64) (f64.const 0))
  (global $vector (mut v128) (v128.const i64x2 0 0))
  (global $chosen (mut funcref) (ref.null func))
  (global (export "constant") i32 (i32.const 77))

  (data $active (memory $first) (i32.const 16) "active")
  (data $gone "dropped by init")
  (data $live "still here")
  (elem $initial (table $ops) (i32.const 0) func $double $double)
  (elem $unused func $square)
  (elem declare func $triple $square)

  (func $double (type $op) (i32.mul (local.get 0) (i32.const 2)))
  (func $triple (type $op) (i32.mul (local.get 0) (i32.const 3)))
  (func $square (type $op) (i32.mul (local.get 0) (local.get 0)))

  (func $init (export "preinit")
    (local $i i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (global.set $wide (i64.const 0x0123456789abcdef))
    (global.set $single (f32.const -0))
    (global.set $nan (f64.const -nan:0x8000000000123))
    (global.set $vector (v128.const i32x4 1 2 3 0xffffffff))
    (global.set $chosen (ref.func $triple))

    (memory.init $first $gone (i32.const 64) (i32.const 0) (i32.const 15))
    (data.drop $gone)
    (drop (memory.grow $second (i32.const 2)))
    (loop $fill
      (i32.store $second
        (i32.add (i32.const 131072) (i32.shl (local.get $i) (i32.const 2)))
        (i32.mul (local.get $i) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 100))))

    (table.set $ops (i32.const 1) (ref.func $triple))
    (table.set $ops (i32.const 0) (ref.null func))
    (drop (table.grow $ops (ref.func $square) (i32.const 3)))
    (elem.drop $unused))

  ;; Each answer comes from another part of the state.
  (func (export "query") (param $n i32) (result i32)
    (block $default
      (block $nan_bits (block $sign (block $lane (block $global_call (block $table_call (block $grown (block $null
      (block $segment
        (br_table $segment $null $grown $table_call $global_call $lane $sign $nan_bits $default (local.get $n)))
        ;; 0: a live passive segment
        (memory.init $first $live (i32.const 200) (i32.const 0) (i32.const 10))
        (return (i32.load $first (i32.const 200))))
        ;; 1: nulls and size of the table
        (return (i32.add (i32.mul (ref.is_null (table.get $ops (i32.const 0))) (i32.const 100)) (table.size $ops))))
        ;; 2: the grown memory
        (return (i32.add (i32.load $second (i32.const 131468)) (memory.size $second))))
        ;; 3: functions in the table, old and grown: 3 * 5 + 5 * 5
        (return (i32.add
          (call_indirect $ops (type $op) (i32.const 5) (i32.const 1))
          (call_indirect $ops (type $op) (i32.const 5) (i32.const 6)))))
        ;; 4: a function held by a global: 3 * 7
        (table.set $ops (i32.const 2) (global.get $chosen))
        (return (call_indirect $ops (type $op) (i32.const 7) (i32.const 2))))
        ;; 5: a vector lane
        (return (i32x4.extract_lane 3 (global.get $vector))))
        ;; 6: the bits of -0.0
        (return (i32.reinterpret_f32 (global.get $single))))
      ;; 7: the payload of a NaN
      (return (i32.wrap_i64 (i64.reinterpret_f64 (global.get $nan)))))
    ;; otherwise: how often init ran, a global, two memories
    (i32.add
      (i32.add (i32.mul (global.get $calls) (i32.const 1000000)) (i32.wrap_i64 (global.get $wide)))
      (i32.add (i32.load $first (i32.const 64)) (i32.load $second (i32.add (i32.const 131072) (i32.shl (i32.and (local.get $n) (i32.const 63)) (i32.const 2))))))))
