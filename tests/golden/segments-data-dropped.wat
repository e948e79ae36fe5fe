;; Dropped by data.drop: using it again traps, with length 0 it does not.
;; init: init
;; call: use(0)
;; call: use(1)
;; call: load(8)
(module
  (memory 1)
  (data $d "dropped")
  (func (export "init")
    (memory.init $d (i32.const 8) (i32.const 0) (i32.const 7))
    (data.drop $d))
  (func (export "use") (param i32) (memory.init $d (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0))))
