;; A continuation ran to its end in init; none is suspended.
;; init: init
;; call: get()
(module
  (type $f (func))
  (type $c (cont $f))
  (tag $yield)
  (global $n (mut i32) (i32.const 0))
  (func $body (global.set $n (i32.const 1)) (suspend $yield) (global.set $n (i32.const 3)))
  (elem declare func $body)
  (func (export "init") (local $k (ref null $c))
    (block $suspended (result (ref $c))
      (resume $c (on $yield $suspended) (cont.new $c (ref.func $body)))
      (unreachable))
    (local.set $k)
    (resume $c (local.get $k)))
  (func (export "get") (result i32) (global.get $n)))
