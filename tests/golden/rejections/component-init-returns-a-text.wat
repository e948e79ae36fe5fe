;; init: init
(component
  (core module $m (memory (export "m") 1) (data (i32.const 0) "\08\00\00\00\05\00\00\00hello") (func (export "init") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "init") (result string) (canon lift (core func $i "init") (memory $i "m"))))
