module preinit.example/words

go 1.24
