;; Fields that only null fits.
;; init: init
;; call: nulls()
(module
  (type $s (struct (field nullref) (field nullexternref) (field nullfuncref) (field (mut nullexnref)) (field i32)))
  (type $two (array (mut (ref null $s))))
  (global $g (mut (ref null $two)) (ref.null $two))
  (func (export "init")
    (global.set $g (array.new_fixed $two 2
      (struct.new $s (ref.null none) (ref.null noextern) (ref.null nofunc) (ref.null noexn) (i32.const 1))
      (struct.new $s (ref.null none) (ref.null noextern) (ref.null nofunc) (ref.null noexn) (i32.const 2)))))
  (func (export "nulls") (result i32 i32) (local $s (ref null $s))
    (local.set $s (array.get $two (global.get $g) (i32.const 1)))
    (ref.is_null (struct.get $s 0 (local.get $s))) (struct.get $s 4 (local.get $s))))
