;; init: inti
(module
  (func (export "a") (export "b") (export "c") (export "d") (export "e") (export "f") (export "g") (export "h")
    (export "i") (export "j") (export "k") (export "l") (export "m") (export "n")))
