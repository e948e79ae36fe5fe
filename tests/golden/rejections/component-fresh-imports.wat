;; Memories that a core module imports are those of another one, and begin as that has left them.
;; options: fresh-imports
(component
  (core module $m (func (export "init")))
  (core instance $i (instantiate $m))
  (func (export "preinit") (canon lift (core func $i "init"))))
