;; preinit verify x.wat x.wat --sequences 2
;; says called:
;; the name may be cut
(module (func (export "preinit")) (func (export "NAME")))
