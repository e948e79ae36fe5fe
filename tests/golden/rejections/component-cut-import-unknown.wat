;; init: init
;; cut: my:init/loader
(component
  (import "my:init/other" (instance (export "f" (func))))
  (core module $m (func (export "init")))
  (core instance $i (instantiate $m))
  (func (export "init") (canon lift (core func $i "init"))))
