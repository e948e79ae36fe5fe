;; An object that two core instances share would be two.
;; init: init
(component
  (core module $a
    (type $box (struct (field (mut i32))))
    (global $box (mut (ref null $box)) (ref.null $box))
    (func (export "make") (result (ref null $box)) (global.set $box (struct.new $box (i32.const 1))) (global.get $box)))
  (core instance $a (instantiate $a))
  (core module $b
    (type $box (struct (field (mut i32))))
    (import "a" "make" (func $make (result (ref null $box))))
    (global $box (mut (ref null $box)) (ref.null $box))
    (func (export "init") (global.set $box (call $make))))
  (core instance $b (instantiate $b (with "a" (instance $a))))
  (func (export "init") (canon lift (core func $b "init"))))
