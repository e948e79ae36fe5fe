;; init: init
Hello, world.
