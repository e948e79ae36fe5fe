;; Objects of a type below one that another module has, too.
(module
    (type $shape (sub (struct (field i32))))
    (type $square (sub $shape (struct (field i32) (field i32))))
    (func (export "preinit"))
    (func (export "square") (result (ref $shape)) (struct.new $square (i32.const 7) (i32.const 8))))
