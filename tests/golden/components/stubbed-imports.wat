;; Functions that stubs answer: in an interface and by themselves, with and without results.
;; init: init
;; options: stub-all
;; call: get()
(component
  (import "log" (func $log (param "level" u8)))
  (import "my:host/config@1.0.0" (instance $config
    (export "limit" (func (result u32)))
    (export "ready" (func (result bool)))))
  (core func $log (canon lower (func $log)))
  (core func $limit (canon lower (func $config "limit")))
  (core func $ready (canon lower (func $config "ready")))
  (core module $m
    (import "" "log" (func $log (param i32)))
    (import "" "limit" (func $limit (result i32)))
    (import "" "ready" (func $ready (result i32)))
    (global $g (mut i32) (i32.const 9))
    (func (export "init")
      (call $log (i32.const 1))
      (global.set $g (i32.add (i32.const 100) (i32.add (call $limit) (call $ready)))))
    (func (export "get") (result i32) (global.get $g)))
  (core instance $i (instantiate $m (with "" (instance
    (export "log" (func $log)) (export "limit" (func $limit)) (export "ready" (func $ready))))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
