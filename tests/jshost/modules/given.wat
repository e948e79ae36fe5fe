(module (global (export "given") (mut i32) (i32.const 0)))
