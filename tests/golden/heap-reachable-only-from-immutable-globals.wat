;; A cache behind an immutable global: all that it reaches is state.
;; init: init
;; call: get(0)
;; call: get(9)
(module
  (type $s (struct (field i32))) (type $list (array (mut (ref null $s)))) (type $cache (struct (field (mut (ref null $list)))))
  (global $cache (ref $cache) (struct.new_default $cache))
  (func (export "init") (local $i i32) (local $l (ref $list))
    (local.set $l (array.new_default $list (i32.const 10)))
    (loop $n
      (array.set $list (local.get $l) (local.get $i) (struct.new $s (i32.mul (local.get $i) (local.get $i))))
      (br_if $n (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
    (struct.set $cache 0 (global.get $cache) (local.get $l)))
  (func (export "get") (param i32) (result i32) (struct.get $s 0 (array.get $list (struct.get $cache 0 (global.get $cache)) (local.get 0)))))
