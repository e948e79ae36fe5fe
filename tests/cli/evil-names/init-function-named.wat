;; preinit x.wat -o out.wasm -f NAME
;; says trapped
(module (func (export "NAME") unreachable))
