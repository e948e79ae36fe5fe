;; init: init
;; rename: x=a
;; rename: y=a
(module (func (export "init")) (func (export "a")))
