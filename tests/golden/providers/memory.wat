;; A memory with something in it.
(module (memory (export "memory") 1) (data (i32.const 8) "provided"))
