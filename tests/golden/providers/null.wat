(module (global (export "r") funcref (ref.null func)))
