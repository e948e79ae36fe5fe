;; The second init function goes on with the object that the first has made, and both of them drop what they return.
;; init: make
;; init: change
;; call: value()
;; call: same()
(module
  (type $box (struct (field (mut i32))))
  (global $box (mut (ref null $box)) (ref.null $box))
  (global $other (mut (ref null $box)) (ref.null $box))
  (func (export "make") (global.set $box (struct.new $box (i32.const 41))))
  (func (export "change")
    (struct.set $box 0 (global.get $box) (i32.add (struct.get $box 0 (global.get $box)) (i32.const 1)))
    (global.set $other (global.get $box)))
  (func (export "value") (result i32) (struct.get $box 0 (global.get $other)))
  (func (export "same") (result i32) (ref.eq (global.get $box) (global.get $other))))
