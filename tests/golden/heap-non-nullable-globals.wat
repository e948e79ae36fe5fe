;; Mutable globals that are never null keep an initializer until the start function has run.
;; init: init
;; call: get()
(module
  (type $s (struct (field i32))) (type $a (array (mut i8)))
  (global $s (mut (ref $s)) (struct.new $s (i32.const 1))) (global $a (mut (ref $a)) (array.new_default $a (i32.const 2)))
  (global $same (mut (ref $s)) (struct.new $s (i32.const 3)))
  (func (export "init")
    (global.set $s (struct.new $s (i32.const 10))) (global.set $a (array.new $a (i32.const 7) (i32.const 4))) (global.set $same (global.get $s)))
  (func (export "get") (result i32 i32 i32)
    (struct.get $s 0 (global.get $s)) (array.len (global.get $a)) (ref.eq (global.get $s) (global.get $same))))
