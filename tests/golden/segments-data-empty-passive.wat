;; An empty segment is the same dropped or not.
;; init: init
;; call: use(0)
;; call: use(1)
(module
  (memory 1)
  (data $empty "")
  (func (export "init") (data.drop $empty))
  (func (export "use") (param i32) (memory.init $empty (i32.const 0) (i32.const 0) (local.get 0))))
