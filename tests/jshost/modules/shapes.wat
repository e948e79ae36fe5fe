;; Objects that come from elsewhere: it keeps what it is given, of a type that others may put types below.
(module
    (type $shape (sub (struct (field i32))))
    (func (export "preinit"))
    (global $kept (mut (ref null $shape)) (ref.null $shape))
    (func (export "keep") (param (ref null $shape)) (global.set $kept (local.get 0)))
    (func (export "make") (global.set $kept (struct.new $shape (i32.const 7))))
    (func (export "area") (result i32) (struct.get $shape 0 (global.get $kept))))
