;; preinit --NAME x.wat
;; preinit x.wat NAME
;; preinit NAME NAME
;; preinit x.wat --timeout NAME
;; preinit x.wat --max-memory NAME
;; preinit x.wat --layout NAME
;; preinit x.wat --policy NAME=allow
;; preinit x.wat --policy stub=NAME
;; preinit x.wat --clock NAME
;; preinit x.wat --random seed:NAME
;; preinit x.wat --init-result NAME
;; preinit x.wat --strict=NAME
;; preinit x.wat --at NAME
;; preinit x.wat --stub NAME
;; preinit x.wat -S cli=NAME
;; preinit x.wat -WNAME -SNAME -ONAME -o out.wasm
;; preinit x.wat --quiet=NAME
;; preinit verify x.wat x.wat --engine NAME
;; preinit verify x.wat x.wat --NAME
;; preinit verify x.wat x.wat NAME
;; preinit audit x.wat NAME
;; preinit encode x.wat --state NAME --constant-export NAME
;; preinit completions NAME
;; says For more information
(module (func (export "preinit")))
