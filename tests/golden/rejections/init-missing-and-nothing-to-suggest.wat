;; init: init
(module (func (export "f") (param i32)) (memory (export "init") 1))
