;; init: init
;; limits: memory=200000
(module (memory 10) (func (export "init")))
