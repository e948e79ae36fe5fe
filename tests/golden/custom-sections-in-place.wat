;; Unknown sections, target features and DWARF stay where they are and as they are, also an unreadable one and one
;; that occurs twice. `producers` gains a line.
;; init: init
;; call: get()
(module
  (@producers (language "C" "17") (processed-by "clang" "19.1") (processed-by "wasm-opt" "120"))
  (@custom "before types" (before type) "\01")
  (@custom "twice" (after type) "first")
  (@custom "before code" (before code) "\02")
  (@custom ".debug_info" (after code) "\11\22\33\44")
  (@custom ".debug_line" (after code) "\55\66")
  (@custom "twice" (after data) "second")
  (@custom "target_features" (after data) "\02\2b\0fmutable-globals\2b\08sign-ext")
  (@custom "" (after data) "nameless")
  (global $g (mut i32) (i32.const 1))
  (memory 1)
  (func (export "init") (global.set $g (i32.const 2)) (i32.store (i32.const 0) (i32.const 1)))
  (func (export "get") (result i32) (global.get $g)))
