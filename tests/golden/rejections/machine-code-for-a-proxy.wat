;; init: init
(module (func (export "init")) (@custom "precompiled_v8_v11.1.1-x86_64" "\00\00"))
