;; init: init
(module
  (func (export "init") (i32.cosnt 1)))
