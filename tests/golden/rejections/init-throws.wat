;; init: init
(module
  (tag $oops (param i32))
  (func $thrower (throw $oops (i32.const 7)))
  (func (export "init") (call $thrower)))
