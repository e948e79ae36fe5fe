# Classes: dataclasses, inheritance, descriptors, metaclasses, sorting, big integers, decimals.
import decimal, functools, itertools

@dataclasses.dataclass(order=True, frozen=True)
class Point:
    x: int
    y: int = 0
    tags: tuple = dataclasses.field(default=(), compare=False)

    def __add__(self, other):
        return dataclasses.replace(self, x=self.x + other.x, y=self.y + other.y)

points = [Point(3, 1), Point(1, 5, ("a",)), Point(1)]
print(sorted(points), functools.reduce(lambda a, b: a + b, points), dataclasses.asdict(points[1]))
try:
    points[0].x = 5
except dataclasses.FrozenInstanceError as error:
    print(type(error).__name__, error)

class Registry(type):
    known = []
    def __new__(mcs, name, bases, body):
        mcs.known.append(name)
        return super().__new__(mcs, name, bases, body)

class Base(metaclass=Registry):
    @property
    def label(self):
        return type(self).__name__.lower()

class Derived(Base):
    def __getattr__(self, name):
        return f"no {name}"

print(Registry.known, Derived().label, Derived().missing, Derived.__mro__[1].__name__)
print(2**200 % 10**20, decimal.Decimal(1) / 7, divmod(-7, 3), 0.1 + 0.2, (5).__rsub__(3))
print(list(itertools.islice(itertools.permutations("abc"), 4)), hash((1, 2, 3)), hash(2**61))
grouped = collections.defaultdict(list)
for word in "the quick brown fox jumps over the lazy dog".split():
    grouped[len(word)].append(word)
print(dict(grouped), collections.deque([1, 2, 3], maxlen=2), collections.OrderedDict(b=1, a=2))
Named = collections.namedtuple("Named", "first second")
print(Named(1, second=2)._asdict())
match {"kind": "circle", "r": 2}:
    case {"kind": "circle", "r": radius} if radius > 1:
        print("matched", radius)
