;; init: init(1, "two", three)
(component
  (core module $m (memory (export "m") 1) (func (export "init") (param i32 i32 i32 i32)) (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "init") (param "x" u32) (param "text" string) (param "flag" bool)
    (canon lift (core func $i "init") (memory $i "m") (realloc (func $i "r")))))
