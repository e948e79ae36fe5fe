;; init: init
(module
  (type $s (struct))
  (table $t 25 anyref)
  (func (export "init") (table.fill $t (i32.const 0) (struct.new $s) (i32.const 25))))
