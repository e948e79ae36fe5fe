;; The island takes the index of the dropped segment. It is active, so code that names it still finds it empty.
;; init: init
;; call: use(1)
;; call: load(512)
(module
  (memory 1)
  (data $gone "12345678")
  (func (export "init")
    (memory.init $gone (i32.const 512) (i32.const 0) (i32.const 8))
    (data.drop $gone))
  (func (export "use") (param i32) (memory.init $gone (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0))))
