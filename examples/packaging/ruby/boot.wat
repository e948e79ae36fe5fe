;; Merged with Ruby's reactor: an init function that boots the interpreter and loads the program, and a `_start` that runs it.
(module
  (import "ruby" "memory" (memory 1))
  (import "ruby" "cabi_realloc" (func $allocate (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $evaluate (param i32 i32) (result i32)))

  ;; Texts end with a zero, which counts.
  (data $words "ruby\00-EUTF-8\00--disable-gems\00-I/app\00-I/gems\00-e_=0\00")
  (data $load "require 'greet'\00")
  (data $run "Greet.main\00")

  (func (export "wizer.initialize") (local $words i32) (local $list i32) (local $text i32)
    (local.set $words (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 49)))
    (memory.init $words (local.get $words) (i32.const 0) (i32.const 49))
    (local.set $list (call $allocate (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 48)))
    (i32.store offset=0 (local.get $list) (i32.add (local.get $words) (i32.const 0)))
    (i32.store offset=4 (local.get $list) (i32.const 5))
    (i32.store offset=8 (local.get $list) (i32.add (local.get $words) (i32.const 5)))
    (i32.store offset=12 (local.get $list) (i32.const 8))
    (i32.store offset=16 (local.get $list) (i32.add (local.get $words) (i32.const 13)))
    (i32.store offset=20 (local.get $list) (i32.const 15))
    (i32.store offset=24 (local.get $list) (i32.add (local.get $words) (i32.const 28)))
    (i32.store offset=28 (local.get $list) (i32.const 7))
    (i32.store offset=32 (local.get $list) (i32.add (local.get $words) (i32.const 35)))
    (i32.store offset=36 (local.get $list) (i32.const 8))
    (i32.store offset=40 (local.get $list) (i32.add (local.get $words) (i32.const 43)))
    (i32.store offset=44 (local.get $list) (i32.const 6))
    (call $ruby_init (local.get $list) (i32.const 6))
    (local.set $text (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))
    (memory.init $load (local.get $text) (i32.const 0) (i32.const 16))
    (if (i32.load offset=4 (call $evaluate (local.get $text) (i32.const 16))) (then unreachable)))

  (func (export "_start") (local $text i32)
    (local.set $text (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 11)))
    (memory.init $run (local.get $text) (i32.const 0) (i32.const 11))
    (if (i32.load offset=4 (call $evaluate (local.get $text) (i32.const 11))) (then unreachable))))
