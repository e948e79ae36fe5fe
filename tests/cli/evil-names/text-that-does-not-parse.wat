;; preinit x.wat -o out.wasm
;; says error:
(module (func (export "preinit") (call $NAME)))
