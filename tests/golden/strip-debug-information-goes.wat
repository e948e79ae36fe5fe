;; Code moves: DWARF and source maps go, code metadata loses what stubs had, and so do names of locals.
;; options: strip-init
;; call: f()
(module $m
  (@custom "metadata.code.branch_hint" (before code) "\02" "\00\01\05\01\01" "\01\01\05\01\00")
  (func $helper (param $x i32) (result i32)
    (local.get $x) (if (result i32) (then (i32.const 1)) (else (i32.const 2))))
  (func $f (export "f") (result i32) (local $y i32)
    (local.get $y) (if (result i32) (then (i32.const 1)) (else (i32.const 2))))
  (func (export "preinit") (drop (call $helper (i32.const 1))))
  (@custom ".debug_line" "lines")
  (@custom "sourceMappingURL" "\05a.map")
  (@custom "unknown" "stays"))
