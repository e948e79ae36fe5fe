(module
  (table (export "refs") 2 externref)
  (global $kept (mut externref) (ref.null extern))
  (func (export "preinit"))
  (func (export "keep") (param externref) (global.set $kept (local.get 0))))
