;; init: init
;; rename: x=a
;; rename: x=b
(module (func (export "init")) (func (export "a")) (func (export "b")))
