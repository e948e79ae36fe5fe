;; The import as an export and as the start function; the same import under two indices, of which each has its own answer.
(module
  (import "env" "tell" (func $tell))
  (import "env" "tell" (func $again))
  (import "env" "value" (global i32))
  (export "tell" (func $tell))
  (export "again" (func $again))
  (export "value" (global 0))
  (start $tell))
