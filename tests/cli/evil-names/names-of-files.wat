;; preinit NAME.wasm
;; preinit NAME.wasm -o out.wasm
;; preinit x.wat -o NAME/out.wasm
;; preinit x.wat -o out.wasm --report NAME/out.json
;; preinit x.wat -o out.wasm --preload e=NAME.wasm
;; preinit x.wat -o out.wasm --allow-wasi --dir NAME::/lib
;; preinit x.wat -o out.wasm --allow-wasi --dir nothing::NAME
;; preinit x.wat -o out.wasm --allow-wasi --env NAME
;; preinit x.wat -o out.wasm --cache-dir x.wat/NAME
;; preinit verify NAME.wasm x.wat
;; preinit verify x.wat NAME.wasm
;; preinit verify x.wat x.wat --script NAME
;; preinit verify x.wat x.wat --run-stdin NAME
;; preinit verify x.wat x.wat --run-dir NAME
;; preinit verify x.wat x.wat --call NAME
;; preinit verify x.wat x.wat --call f("NAME
;; preinit audit NAME.wasm
;; preinit audit x.wat --ledger NAME/x
;; preinit probe NAME.wasm -o a --state-schema b
;; preinit probe x.wat -o NAME/a --state-schema b
;; preinit encode x.wat --state NAME -o out.wasm
;; preinit x.wat -o NAME.out -v
;; says cannot read
;; says cannot write
;; says cannot open directory
(module (func (export "preinit")))
