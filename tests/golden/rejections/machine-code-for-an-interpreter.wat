;; init: init
(module (func (export "init")) (@custom "wamr-aot" "\00\00"))
