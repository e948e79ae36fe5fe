;; The engine does not run the withdrawn form of exception handling.
;; init: init
(module binary
  "\00asm\01\00\00\00"
  "\01\04\01\60\00\00"               ;; type: func
  "\03\02\01\00"                     ;; one function
  "\0d\03\01\00\00"                  ;; one tag
  "\07\08\01\04init\00\00"           ;; export
  "\0a\0a\01\08\00\06\40\08\00\19\0b\0b") ;; try throw 0 catch_all end
