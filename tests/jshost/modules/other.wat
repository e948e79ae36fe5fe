(module (func (export "preinit")) (func (export "three") (result i32) (i32.const 3)))
