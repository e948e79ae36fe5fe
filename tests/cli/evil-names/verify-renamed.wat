;; preinit verify x.wat x.wat --sequences 2 -r NAME=f
;; says export.
;; the name may be cut
(module (func (export "preinit")) (func (export "f")))
