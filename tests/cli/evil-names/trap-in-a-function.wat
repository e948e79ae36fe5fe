;; preinit x.wat -o out.wasm
;; says wasm `unreachable` instruction executed
(module
  (func $g (@name "NAME") unreachable)
  (func (export "preinit") (call $g)))
