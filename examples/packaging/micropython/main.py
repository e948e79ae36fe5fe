import sys
import helper
data = open("/app/data.txt").read().strip()
text = sys.stdin.read()
print(helper.greet(text.strip()), data)
