;; The same as boot.wat, for a program that reads a line of standard input.
(module
  (import "ruby" "memory" (memory 1))
  (import "ruby" "cabi_realloc" (func $allocate (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $evaluate (param i32 i32) (result i32)))

  ;; Strings end with a zero, which counts.
  (data $arguments "ruby.wasm\00-EUTF-8\00-e_=0\00")
  (data $program "$line = $stdin.gets\00")

  (func (export "wizer.initialize")
    (local $arguments i32) (local $list i32) (local $program i32)
    (local.set $arguments (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 24)))
    (memory.init $arguments (local.get $arguments) (i32.const 0) (i32.const 24))
    (local.set $list (call $allocate (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 24)))
    (i32.store offset=0 (local.get $list) (local.get $arguments))
    (i32.store offset=4 (local.get $list) (i32.const 10))
    (i32.store offset=8 (local.get $list) (i32.add (local.get $arguments) (i32.const 10)))
    (i32.store offset=12 (local.get $list) (i32.const 8))
    (i32.store offset=16 (local.get $list) (i32.add (local.get $arguments) (i32.const 18)))
    (i32.store offset=20 (local.get $list) (i32.const 6))
    (call $ruby_init (local.get $list) (i32.const 3))

    (local.set $program (call $allocate (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 20)))
    (memory.init $program (local.get $program) (i32.const 0) (i32.const 20))
    (if (i32.load offset=4 (call $evaluate (local.get $program) (i32.const 20))) (then unreachable))))
