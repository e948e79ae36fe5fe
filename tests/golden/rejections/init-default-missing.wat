;; No init function is named, and none of the default ones is exported.
(module (func (export "_start")) (func (export "setup")))
