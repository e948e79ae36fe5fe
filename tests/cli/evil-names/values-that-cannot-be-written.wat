;; preinit x.wat -o out.wasm
;; says the state holds values that cannot be written
(module
  (type $f (func))
  (type $c (cont $f))
  (table $t (@name "NAME") 1 (ref null $c))
  (global $g (@name "NAME") (mut (ref null $c)) (ref.null $c))
  (elem declare func $nothing)
  (func $nothing)
  (func (export "preinit")
    (table.set $t (i32.const 0) (cont.new $c (ref.func $nothing)))
    (global.set $g (cont.new $c (ref.func $nothing)))))
