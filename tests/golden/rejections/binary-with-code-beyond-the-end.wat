;; The code section says that it is longer than the file.
;; init: init
(module binary "\00asm\01\00\00\00\01\04\01\60\00\00\03\02\01\00\07\08\01\04init\00\00\0a\7f\01\02\00\0b")
