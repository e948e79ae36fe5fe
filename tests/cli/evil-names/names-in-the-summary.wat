;; preinit x.wat -o out.wasm -v
;; says memory
;; says table
;; says heap
(module
  (type $box (@name "NAME") (struct (field i32)))
  (memory $m (@name "NAME") 1)
  (table $t (@name "NAME") 1 funcref)
  (global $root (mut anyref) (ref.null any))
  (func $f (export "preinit")
    (i32.store $m (i32.const 0) (i32.const 7))
    (table.set $t (i32.const 0) (ref.func $f))
    (global.set $root (struct.new $box (i32.const 1)))))
