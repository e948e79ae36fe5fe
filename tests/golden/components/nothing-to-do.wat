;; Neither init nor anything else has state: only the export goes.
;; init: init
;; call: seven()
(component
  (core module $m (func (export "init")) (func (export "seven") (result i32) (i32.const 7)))
  (core instance $i (instantiate $m))
  (func (export "seven") (result u32) (canon lift (core func $i "seven")))
  (func (export "init") (canon lift (core func $i "init"))))
