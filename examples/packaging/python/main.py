import json
import sys

import helper

with open("/app/data.txt") as file:
    data = file.read().strip()
text = sys.stdin.read().strip()
print(helper.greet(text), json.dumps({"data": data}))
if text == "fail":
    helper.fail()
if text == "leave":
    sys.exit(3)
