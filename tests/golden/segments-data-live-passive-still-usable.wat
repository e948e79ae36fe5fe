;; A data.drop that did not happen: the segment stays, at its index, though segments before it vanish.
;; init: init
;; call: use(65, 4)
;; call: load(0)
;; call: drop()
;; call: use(65, 4)
(module
  (memory 1)
  (data $active (i32.const 100) "active one")
  (data $unused "never named by code")
  (data $live "LIVE")
  (data $above "above all named")
  (func (export "init") (i32.store8 (i32.const 50) (i32.const 1)))
  (func (export "use") (param i32 i32)
    (memory.init $live (i32.const 0) (i32.const 0) (local.get 1)))
  (func (export "drop") (data.drop $live))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
