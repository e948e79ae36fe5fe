;; A suspended continuation in a global.
;; init: init
(module
  (type $f (func))
  (type $c (cont $f))
  (global $k (mut (ref null $c)) (ref.null $c))
  (func $body)
  (elem declare func $body)
  (func (export "init") (global.set $k (cont.new $c (ref.func $body)))))
