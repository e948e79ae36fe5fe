;; A function of a sibling in a slot that cannot be null: the owner would have to write it at once.
;; init: init
(component
  (core module $owner
    (type $f (func (result i32)))
    (table (export "t") 2 (ref $f) (ref.func $own))
    (func $own (type $f) (i32.const 1)))
  (core instance $o (instantiate $owner))
  (core module $other
    (type $f (func (result i32)))
    (import "o" "t" (table $t 2 (ref $f)))
    (func $x (type $f) (i32.const 20))
    (elem declare func $x)
    (func (export "init") (table.set $t (i32.const 1) (ref.func $x))))
  (core instance $p (instantiate $other (with "o" (instance $o))))
  (func (export "init") (canon lift (core func $p "init"))))
