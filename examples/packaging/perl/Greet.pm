package Greet; sub hello { "hello " . shift } 1;
