;; preinit x.wat -o out.wasm -f missing
;; preinit x.wat -o out.wasm
;; preinit x.wat -o out.wasm -f takes
;; preinit x.wat -o out.wasm --at stdin
;; says there is no exported function `missing`
;; says none of the default init functions
;; says must take no parameters
(module
  (func (export "takes") (param i32))
  (func (export "NAME")))
