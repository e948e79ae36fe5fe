;; preinit verify x.wat x.wat --sequences 2
;; says not called:
(module (type $s (struct)) (func (export "preinit")) (func (export "NAME") (param (ref $s))))
