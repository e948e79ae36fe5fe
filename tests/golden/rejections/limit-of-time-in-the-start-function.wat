;; init: init
;; limits: timeout=50
(module (func $spin (loop (br 0))) (start $spin) (func (export "init")))
