;; preinit x.wat -o out.wasm --stub-all --policy stub=deny
;; says which is denied
(module
  (import "NAME" "NAME" (func $f))
  (func (export "preinit") (call $f)))
