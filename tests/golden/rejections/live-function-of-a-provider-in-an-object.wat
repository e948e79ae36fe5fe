;; The path from the root, by the names of global and types.
;; init: init
;; options: internalize
;; preload: env=../providers/state.wat
(module
  (import "env" "function" (global $callback (mut funcref)))
  (type $holder (struct (field i32) (field (mut funcref))))
  (type $list (array (mut (ref null $holder))))
  (type $cache (struct (field $size i64) (field $name (ref null any)) (field $entries (ref $list))))
  (global $cache (mut (ref null $cache)) (ref.null $cache))
  (func (export "init") (local $l (ref $list))
    (local.set $l (array.new_default $list (i32.const 20)))
    (array.set $list (local.get $l) (i32.const 17) (struct.new $holder (i32.const 1) (global.get $callback)))
    (global.set $callback (ref.null func))
    (global.set $cache (struct.new $cache (i64.const 0) (ref.null any) (local.get $l)))))
