;; init: init
(module
  (type $s (struct))
  (global $e (mut externref) (ref.null extern))
  (func (export "init") (global.set $e (extern.convert_any (struct.new $s)))))
