;; `elem.drop` of a segment that had initialized a table of objects.
;; init: init
;; call: get()
;; call: use()
(module
  (type $s (struct (field i32)))
  (table $t 2 anyref)
  (elem $e (ref $s) (item (struct.new $s (i32.const 8))))
  (func (export "init") (table.init $t $e (i32.const 1) (i32.const 0) (i32.const 1)) (elem.drop $e))
  (func (export "get") (result i32) (struct.get $s 0 (ref.cast (ref $s) (table.get $t (i32.const 1)))))
  (func (export "use") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))))
