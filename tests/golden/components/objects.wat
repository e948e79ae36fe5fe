;; Objects of the collector in one of the core instances.
;; init: wizer-initialize
;; call: get()
(component
  (core module $m
    (type $node (struct (field i32) (field (mut (ref null $node)))))
    (global $head (mut (ref null $node)) (ref.null $node))
    (func (export "init")
      (global.set $head (struct.new $node (i32.const 5) (struct.new $node (i32.const 37) (ref.null $node)))))
    (func (export "get") (result i32)
      (i32.add (struct.get $node 0 (global.get $head)) (struct.get $node 0 (struct.get $node 1 (global.get $head))))))
  (core instance $i (instantiate $m))
  (func (export "wizer-initialize") (canon lift (core func $i "init")))
  (func (export "get") (result s32) (canon lift (core func $i "get"))))
