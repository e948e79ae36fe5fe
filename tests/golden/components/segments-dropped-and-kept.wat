;; Passive segments of data: one that init copies and drops, and one that stays to be copied.
;; init: init
;; call: get(0)
;; call: again()
;; call: late()
;; call: get(8)
(component
  (core module $m
    (memory 1)
    (data $dropped "\01\02\03\04")
    (data $kept "\05\06\07\08")
    (func (export "init")
      (memory.init $dropped (i32.const 0) (i32.const 0) (i32.const 4))
      (data.drop $dropped))
    (func (export "again") (memory.init $dropped (i32.const 0) (i32.const 0) (i32.const 0)) (i32.store (i32.const 0) (i32.const 9)))
    (func (export "late") (memory.init $kept (i32.const 8) (i32.const 0) (i32.const 4)))
    (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "again") (canon lift (core func $i "again")))
  (func (export "late") (canon lift (core func $i "late")))
  (func (export "get") (param "x" u32) (result u32) (canon lift (core func $i "get"))))
