# A script that does not compile.
def fine():
    return 1

for i in range(3)
    print(i)
