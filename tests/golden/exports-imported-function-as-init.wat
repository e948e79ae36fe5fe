;; The init function is an import that is exported again: a stub, which does nothing to the module.
;; init: setup
;; options: stub-all
;; call: value()
(module
  (import "env" "setup" (func $setup))
  (export "setup" (func $setup))
  (global $g (mut i32) (i32.const 7))
  (func (export "value") (result i32) (global.get $g)))
