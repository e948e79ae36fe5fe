;; Init says that it has failed.
;; init: init
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 0) "\01\00\00\00\10\00\00\00\07\00\00\00")
    (data (i32.const 16) "no luck")
    (func (export "init") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "init") (result (result (error string))) (canon lift (core func $i "init") (memory $i "memory"))))
