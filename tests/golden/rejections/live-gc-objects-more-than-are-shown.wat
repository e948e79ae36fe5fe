;; init: init
(module
  (type $s (struct))
  (table $t 1005 anyref)
  (func (export "init") (table.fill $t (i32.const 0) (struct.new $s) (i32.const 1005))))
