;; init: init
(module binary "\00asm\02\00\00\00")
