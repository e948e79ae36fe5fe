;; init: init
;; limits: memory=200000
(module
  (memory 1)
  (func $malloc (drop (memory.grow (i32.const 1))))
  (func (export "init") (loop (call $malloc) (br 0))))
