;; init: init
;; An object that went through `extern.convert_any`.
;; call: is_struct()
(module
  (type $s (struct))
  (global $e (mut externref) (ref.null extern))
  (func (export "init") (global.set $e (extern.convert_any (struct.new $s))))
  (func (export "is_struct") (result i32) (ref.test (ref $s) (any.convert_extern (global.get $e)))))
