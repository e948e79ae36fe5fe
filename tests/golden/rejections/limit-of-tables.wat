;; init: init
;; limits: memory=1000
(module
  (table 10 funcref)
  (func (export "init") (drop (table.grow (ref.null func) (i32.const 1000)))))
