;; Only what changed in an imported table is written to it.
;; init: init
;; preload: env=providers/objects.wat
;; call: get(1)
;; call: null(0)
;; call: env::null(2)
(module
  (import "env" "table" (table $t 4 anyref))
  (type $s (struct (field i32)))
  (func (export "init") (table.set $t (i32.const 1) (struct.new $s (i32.const 5))) (drop (table.grow $t (ref.i31 (i32.const 1)) (i32.const 2))))
  (func (export "get") (param i32) (result i32) (struct.get $s 0 (ref.cast (ref $s) (table.get $t (local.get 0)))))
  (func (export "null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0)))))
