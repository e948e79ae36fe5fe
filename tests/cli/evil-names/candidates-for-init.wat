;; preinit x.wat -o out.wasm -f missing
;; preinit x.wat -o out.wasm
;; preinit x.wat -o out.wasm -f takes
;; preinit x.wat -o out.wasm --at stdin
;; says there is no exported function `missing`
;; says none of the default init functions
;; says and is given nothing
(module
  (func (export "takes") (param i32))
  (func (export "NAME")))
