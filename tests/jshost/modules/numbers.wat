;; What a module of wasm-bindgen without reference types does with values of JavaScript.
(module
  (import "wbg" "__wbindgen_object_drop_ref" (func $drop (param i32)))
  (import "wbg" "__wbindgen_object_clone_ref" (func $clone (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $kept (mut i32) (i32.const 0))
  (func (export "preinit"))
  (func (export "__wbindgen_free"))
  (func (export "init") (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 7))))
  (func (export "keep") (param i32) (global.set $kept (local.get 0)))
  (func (export "release") (call $drop (global.get $kept)) (global.set $kept (i32.const 0)))
  (func (export "taken") (result i32) (global.get $kept))
  (func (export "kept") (result i32) (call $clone (global.get $kept)))
  (func (export "get") (result i32) (i32.load (i32.const 64))))
