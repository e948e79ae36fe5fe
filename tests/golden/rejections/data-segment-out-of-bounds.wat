;; init: init
(module
  (memory 1)
  (data (i32.const 65530) "does not fit")
  (func (export "init")))
