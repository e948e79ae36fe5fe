;; The module's functions in typed and untyped fields.
;; init: init
;; call: run(3)
;; call: null()
(module
  (type $f (func (param i32) (result i32)))
  (type $vtable (struct (field (ref $f)) (field funcref) (field nullfuncref)))
  (type $object (struct (field (ref $vtable)) (field (mut (ref null $f)))))
  (global $o (mut (ref null $object)) (ref.null $object))
  (func $inc (type $f) (i32.add (local.get 0) (i32.const 1)))
  (func $private (type $f) (i32.mul (local.get 0) (i32.const 10)))
  (elem declare func $inc $private)
  (func (export "init")
    (global.set $o (struct.new $object (struct.new $vtable (ref.func $inc) (ref.func $private) (ref.null nofunc)) (ref.func $private))))
  (func (export "run") (param i32) (result i32)
    (call_ref $f (call_ref $f (local.get 0) (struct.get $vtable 0 (struct.get $object 0 (global.get $o)))) (struct.get $object 1 (global.get $o))))
  (func (export "null") (result i32) (ref.is_null (struct.get $vtable 2 (struct.get $object 0 (global.get $o))))))
