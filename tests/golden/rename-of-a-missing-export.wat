;; init: init
;; rename: _start=resume
(module (func (export "init")) (func (export "_start")))
