;; Fails to start.
(module (func $constructors (unreachable)) (start $constructors) (func (export "f")))
