;; preinit x.wat -o out.wasm --stub-all --policy stub=warn
;; preinit x.wat -o out.wasm --stub-all --policy stub=warn --strict
;; preinit x.wat -o out.wasm --stub-all -v
;; says init called
;; says warnings are errors
;; says host call
(module
  (import "NAME" "NAME" (func $f))
  (func (export "preinit") (call $f)))
