;; init: init([1, 2)
(component
  (core module $m (memory (export "m") 1) (func (export "init") (param i32 i32)) (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "init") (param "x" (list u8)) (canon lift (core func $i "init") (memory $i "m") (realloc (func $i "r")))))
