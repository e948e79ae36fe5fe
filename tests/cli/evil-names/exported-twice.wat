;; preinit x.wat -o out.wasm
;; says error:
(module
  (func (export "NAME"))
  (func (export "NAME"))
  (func (export "preinit")))
