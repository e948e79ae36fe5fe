;; init: init
(module (func (export "init")) (@custom "linking" "\02"))
