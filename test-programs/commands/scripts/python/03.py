# Generators, coroutines, closures.
def fibonacci():
    a, b = 0, 1
    while True:
        reset = yield a
        a, b = (0, 1) if reset else (b, a + b)

numbers = fibonacci()
print([next(numbers) for _ in range(10)], numbers.send(True), next(numbers))

def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)

print(list(tree(4)))
try:
    numbers.throw(RuntimeError("stop"))
except RuntimeError as error:
    print("thrown through", error)

class Step:
    def __await__(self):
        got = yield "waiting"
        return got * 2

async def work(name):
    total = 0
    for _ in range(3):
        total += await Step()
    return f"{name}: {total}"

task = work("task")
task.send(None)
try:
    for value in (1, 2, 3):
        print(task.send(value))
except StopIteration as stop:
    print(stop.value)
print(sum(x * y for x in range(50) for y in range(x) if (x + y) % 3 == 0))
