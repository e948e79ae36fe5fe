;; preinit x.wat -o out.wasm
;; says the state holds values that cannot be written
(module
  (import "e" "NAME" (global $g externref))
  (type $box (@name "NAME") (struct (field (mut externref))))
  (global $root (@name "NAME") (mut (ref null $box)) (ref.null $box))
  (func (export "preinit") (global.set $root (struct.new $box (global.get $g)))))
