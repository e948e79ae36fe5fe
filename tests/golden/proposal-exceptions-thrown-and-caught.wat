;; Exception instructions run in init; no exception is alive when it ends.
;; init: init
;; call: get()
;; call: catch(5)
;; call: throw(5)
(module
  (tag $oops (export "tag") (param i32))
  (global $n (mut i32) (i32.const 0))
  (global $x (mut exnref) (ref.null exn))
  (func $throw (export "throw") (param i32) (throw $oops (local.get 0)))
  (func $catch (export "catch") (param i32) (result i32)
    (block $handler (result i32)
      (try_table (catch $oops $handler) (call $throw (local.get 0)))
      (i32.const -1)))
  (func (export "init")
    (global.set $n (call $catch (i32.const 42)))
    (global.set $x (block $h (result exnref) (try_table (catch_all_ref $h) (call $throw (i32.const 1))) (unreachable)))
    (global.set $x (ref.null exn)))
  (func (export "get") (result i32) (i32.add (global.get $n) (ref.is_null (global.get $x)))))
