;; A shared memory.
(module (memory (export "memory") 1 2 shared) (data (i32.const 8) "shared"))
