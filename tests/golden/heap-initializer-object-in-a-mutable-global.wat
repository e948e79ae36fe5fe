;; No object has to be made: what the global points to is there already.
;; init: init
;; call: field()
;; call: same()
(module
  (type $s (struct (field i32)))
  (global $made (ref $s) (struct.new $s (i32.const 5)))
  (global $p (mut (ref $s)) (struct.new $s (i32.const 1)))
  (func (export "init") (global.set $p (global.get $made)))
  (func (export "field") (result i32) (struct.get $s 0 (global.get $p)))
  (func (export "same") (result i32) (ref.eq (global.get $p) (global.get $made))))
