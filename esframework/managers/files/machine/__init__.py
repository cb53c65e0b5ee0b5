"""Both ends of a transfer as machines: numbers and the time go in, decisions come out. Know no file and no frame."""
