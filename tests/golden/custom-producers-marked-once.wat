;; A snapshot of a snapshot, by an older preinit: the mark is renewed and not repeated.
;; init: init
;; call: get()
(module
  (@producers (processed-by "preinit" "0.0.1") (language "Rust" "1.80"))
  (global $g (mut i32) (i32.const 1))
  (func (export "init") (global.set $g (i32.const 2)))
  (func (export "get") (result i32) (global.get $g)))
