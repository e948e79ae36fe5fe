;; No memory at all: data.drop is state only for array.new_data.
;; init: init
;; call: gone(1)
;; call: gone(0)
;; call: live(3)
(module
  (type $bytes (array i8))
  (data $gone "gone")
  (data $live "live")
  (func (export "init") (data.drop $gone))
  (func (export "gone") (param i32) (result i32)
    (array.len (array.new_data $bytes $gone (i32.const 0) (local.get 0))))
  (func (export "live") (param i32) (result i32)
    (array.get_u $bytes (array.new_data $bytes $live (i32.const 0) (i32.const 4)) (local.get 0))))
