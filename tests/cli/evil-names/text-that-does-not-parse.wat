;; preinit x.wat -o out.wasm
;; says error:
;; the name may be cut
(module (func (export "preinit") (call "RAW")))
