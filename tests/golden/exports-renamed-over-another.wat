;; `resume` takes the place and the name of `_start`; a second name of the same function stays.
;; init: init
;; rename: _start=resume
;; call: get()
;; call: also_resume()
;; call: get()
(module
  (global $n (mut i32) (i32.const 1))
  (func (export "init") (global.set $n (i32.const 10)))
  (func (export "_start") (global.set $n (i32.const 0)))
  (func $resume (export "resume") (export "also_resume")
    (global.set $n (i32.add (global.get $n) (i32.const 10))))
  (func (export "get") (result i32) (global.get $n)))
