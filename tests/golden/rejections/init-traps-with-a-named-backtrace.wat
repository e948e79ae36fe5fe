;; init: init
(module $program
  (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func $outer (drop (call $divide (i32.const 0))))
  (func $_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE (call $outer))
  (func (export "init") (call $_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE)))
