def greet(name):
    return f"hello {name}"


def fail():
    raise ValueError("as asked")
