;; Memories that cannot grow, so that nothing can be put aside in them; one has no page at all.
;; init: init
;; call: get(0)
;; call: get(65532)
;; call: grow()
(component
  (core module $none (memory (export "memory") 0 0))
  (core instance $none (instantiate $none))
  (core module $m
    (import "none" "memory" (memory $none 0 0))
    (memory $full 1 1)
    (data (memory $full) (i32.const 65532) "full")
    (func (export "init") (i32.store $full (i32.const 0) (i32.const 77)))
    (func (export "get") (param i32) (result i32) (i32.load $full (local.get 0)))
    (func (export "grow") (result i32)
      (i32.add (memory.grow $full (i32.const 1)) (memory.size $none))))
  (core instance $i (instantiate $m (with "none" (instance $none))))
  (func (export "init") (canon lift (core func $i "init")))
  (func (export "get") (param "at" u32) (result u32) (canon lift (core func $i "get")))
  (func (export "grow") (result s32) (canon lift (core func $i "grow"))))
