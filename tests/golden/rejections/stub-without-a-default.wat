;; init: init
;; options: stub-all
(module
  (type $t (func))
  (import "env" "f" (func (result (ref $t))))
  (func (export "init")))
