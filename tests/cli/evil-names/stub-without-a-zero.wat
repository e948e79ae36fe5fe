;; preinit x.wat -o out.wasm --stub-all
;; says cannot stub
(module
  (type $t (func))
  (import "NAME" "NAME" (table 1 (ref $t)))
  (func (export "preinit")))
