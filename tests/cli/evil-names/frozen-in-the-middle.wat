;; preinit x.wat -o out.wasm --at NAME.NAME
;; preinit x.wat -o out.wasm --at other
;; preinit x.wat -o out.wasm --at call:NAME
;; preinit x.wat -o out.wasm --at e.call
(module
  (import "e" "call" (func $call))
  (import "NAME" "f" (func $f))
  (func $g (@name "NAME") (export "NAME") (call $f))
  (func (export "_start") (call $g)))
