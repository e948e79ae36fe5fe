(module
  (import "wbg" "__wbindgen_string_new" (func $make (param i32 i32) (result i32)))
  (import "wbg" "__wbindgen_object_drop_ref" (func $drop (param i32)))
  (func (export "preinit"))
  (func (export "__wbindgen_free"))
  (func (export "make") (result i32) (call $make (i32.const 0) (i32.const 0)))
  (func (export "drop") (param i32) (call $drop (local.get 0))))
