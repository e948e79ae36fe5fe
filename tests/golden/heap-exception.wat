;; An exception reference caught with its exnref and kept.
;; init: init
;; call: payload()
(module
  (tag $oops (param i32))
  (global $caught (mut exnref) (ref.null exn))
  (func (export "init")
    (global.set $caught
      (block $handler (result exnref)
        (try_table (catch_all_ref $handler) (throw $oops (i32.const 7)))
        (unreachable))))
  (func (export "payload") (result i32)
    (block $h (result i32)
      (try_table (catch $oops $h) (throw_ref (global.get $caught)))
      (unreachable))))
