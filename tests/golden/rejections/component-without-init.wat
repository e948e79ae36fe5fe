;; No init function is named, and none of the usual ones is there.
(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
  (func (export "stop") (canon lift (core func $i "run"))))
