;; init: init
(component)
