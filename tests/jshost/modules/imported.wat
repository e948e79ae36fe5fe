(module
  (import "env" "memory" (memory 1 4))
  (func (export "preinit"))
  (func (export "write") (i32.store8 (i32.const 100) (i32.const 9))))
