;; Objects that nothing reaches when init returns leave no trace.
;; init: init
;; call: get()
(module
  (type $s (struct (field i32)))
  (global $g (mut (ref null $s)) (ref.null $s)) (global $n (mut i32) (i32.const 0))
  (func (export "init")
    (global.set $g (struct.new $s (i32.const 5)))
    (global.set $n (struct.get $s 0 (global.get $g)))
    (global.set $g (ref.null $s)))
  (func (export "get") (result i32) (i32.add (global.get $n) (ref.is_null (global.get $g)))))
