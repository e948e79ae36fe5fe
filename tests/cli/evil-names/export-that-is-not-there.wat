;; preinit x.wat -o out.wasm -r a=NAME
;; preinit x.wat -o out.wasm -f NAME
;; says there is no export
(module (func (export "preinit")))
