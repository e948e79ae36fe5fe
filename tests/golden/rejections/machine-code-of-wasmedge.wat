;; init: init
(module (func (export "init")) (@custom "wasmedge" "\00\00"))
