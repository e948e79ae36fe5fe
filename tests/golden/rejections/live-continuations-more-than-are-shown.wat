;; init: init
(module
  (type $f (func))
  (type $c (cont $f))
  (table $t 1005 (ref null $c))
  (func $body)
  (elem declare func $body)
  (func (export "init") (table.fill $t (i32.const 0) (cont.new $c (ref.func $body)) (i32.const 1005))))
