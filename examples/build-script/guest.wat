;; Counts primes. Init sieves, and notes for every n how many primes lie below it; a query is one load.
(module
  (memory 8)
  (global $limit i32 (i32.const 100000))
  (global $flags i32 (i32.const 409600))         ;; a byte for each n: 1 if it is composite
  (func (export "init")
    (local $n i32) (local $multiple i32) (local $count i32)
    (local.set $n (i32.const 2))
    (loop $next
      (i32.store (i32.mul (local.get $n) (i32.const 4)) (local.get $count))
      (if (i32.eqz (i32.load8_u (i32.add (global.get $flags) (local.get $n))))
        (then
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (local.set $multiple (i32.add (local.get $n) (local.get $n)))
          (block $done
            (loop $cross_out
              (br_if $done (i32.gt_u (local.get $multiple) (global.get $limit)))
              (i32.store8 (i32.add (global.get $flags) (local.get $multiple)) (i32.const 1))
              (local.set $multiple (i32.add (local.get $multiple) (local.get $n)))
              (br $cross_out)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $n) (global.get $limit)))))
  (func (export "primes_below") (param $n i32) (result i32)
    (i32.load (i32.mul (local.get $n) (i32.const 4)))))
