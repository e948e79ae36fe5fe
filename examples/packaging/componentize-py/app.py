"""A component that greets in many languages. What this module does as it is imported is done beforehand in any case."""

import functools
import json

import wit_world


@functools.cache
def greetings():
    return {f"lang{number}": f"greeting {number * 7919 % 10007}" for number in range(100_000)}


class WitWorld(wit_world.WitWorld):
    def greet(self, name: str) -> str:
        return json.dumps({"name": name, "greeting": greetings()[name]})

    def prepare(self) -> None:
        greetings()
