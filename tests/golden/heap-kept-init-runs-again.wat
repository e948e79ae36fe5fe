;; The init function stays callable and builds anew.
;; init: init
;; options: keep-init
;; call: count()
;; call: init()
;; call: count()
(module
  (type $n (struct (field (ref null $n))))
  (global $g (mut (ref null $n)) (ref.null $n))
  (func (export "init") (global.set $g (struct.new $n (struct.new $n (global.get $g)))))
  (func (export "count") (result i32) (local $n (ref null $n)) (local $c i32)
    (local.set $n (global.get $g))
    (loop $l
      (if (ref.is_null (local.get $n)) (then (return (local.get $c))))
      (local.set $c (i32.add (local.get $c) (i32.const 1)))
      (local.set $n (struct.get $n 0 (local.get $n)))
      (br $l))
    (unreachable)))
