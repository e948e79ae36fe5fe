;; init: init
;; limits: fuel=10000
(module
  (func $spin (loop (br 0)))
  (func (export "init") (call $spin)))
