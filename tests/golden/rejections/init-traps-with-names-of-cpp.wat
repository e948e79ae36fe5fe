;; init: _Z4initv
(module
  (func $_ZN5Shape4drawEid unreachable)
  (func $_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backEOi (call $_ZN5Shape4drawEid))
  (func $_RNvC6_123foo3bar (call $_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backEOi))
  (func $_ZN12_GLOBAL__N_14initEv (call $_RNvC6_123foo3bar))
  (func (export "_Z4initv") (call $_ZN12_GLOBAL__N_14initEv)))
