;; init: init
(module (func (export "init") (param i32) (result i32) (local.get 0)))
