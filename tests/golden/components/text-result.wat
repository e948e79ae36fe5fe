;; A text that lies in a memory which init has grown.
;; init: wizer-initialize
;; call: text()
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "init")
      (drop (memory.grow (i32.const 1)))
      (i32.store (i32.const 8) (i32.const 70000))
      (i32.store (i32.const 12) (i32.const 4))
      (i32.store (i32.const 70000) (i32.const 0x74786574)))
    (func (export "text") (result i32) (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "text") (result string)
    (canon lift (core func $i "text") (memory $i "memory"))))
