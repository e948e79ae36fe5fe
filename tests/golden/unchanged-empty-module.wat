;; Nothing at all but an init function.
;; init: init
(module (func (export "init")))
