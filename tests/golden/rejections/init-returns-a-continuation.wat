;; No engine gives a continuation to its host.
;; init: init
(module
  (type $f (func)) (type $c (cont $f))
  (func (export "init") (result (ref null $c)) (ref.null $c)))
