;; preinit x.wat -r NAME=a -r NAME=b
;; preinit x.wat -r a=NAME -r b=NAME -o out.wasm
;; preinit x.wat --stub NAME.f -o out.wasm
;; preinit x.wat --preload NAME=x.wat -o out.wasm
;; preinit encode x.wat --state s -r NAME=a -r NAME=b -o out.wasm
;; preinit x.wat --dir-rw NAME::
;; says Usage
(module (func (export "preinit")))
