;; Nothing names the import: the functions stay as they are, and ours is added.
(module
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (func (export "own") (param i32) (result i32) (local.get 0)))
