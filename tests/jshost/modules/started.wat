;; As wasm-bindgen has it: `__wbindgen_start` is an import, which makes the table of values larger. The module makes it larger itself when it is
;; full, and traps if somebody else has meanwhile.
(module
    (import "wbg" "__wbindgen_init_externref_table" (func $start))
    (func (export "preinit"))
    (export "__wbindgen_start" (func $start))
    (table $values (export "__wbindgen_externrefs") 2 externref)
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 0))
    (global $end (mut i32) (i32.const 0))
    (func (export "count") (result i32) (i32.load (i32.const 64)))
    (func (export "keep") (param $value externref) (result i32)
        (local $first i32)
        (if (i32.eq (global.get $next) (global.get $end))
            (then
                (local.set $first (table.grow $values (ref.null extern) (i32.const 4)))
                (if (i32.eqz (global.get $end)) (then (global.set $next (local.get $first)))
                    (else (if (i32.ne (local.get $first) (global.get $end)) (then (unreachable)))))
                (global.set $end (i32.add (local.get $first) (i32.const 4)))))
        (table.set $values (global.get $next) (local.get $value))
        (global.set $next (i32.add (global.get $next) (i32.const 1)))
        (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
        (i32.sub (global.get $next) (i32.const 1)))
    (func (export "get") (param i32) (result externref) (table.get $values (local.get 0))))
