;; Init puts a function of one core instance into the table of another.
;; init: init
(component
  (core module $owner (table (export "t") 2 funcref))
  (core instance $o (instantiate $owner))
  (core module $other
    (import "o" "t" (table $t 2 funcref))
    (func $f)
    (elem declare func $f)
    (func (export "init") (table.set $t (i32.const 1) (ref.func $f))))
  (core instance $p (instantiate $other (with "o" (instance $o))))
  (func (export "init") (canon lift (core func $p "init"))))
