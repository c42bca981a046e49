# Dicts by C callers and by bytecode, and sets.
words = {}
for i in range(100000):
    words["key %d" % i] = i
numbers = set()
for i in range(50000):
    numbers.add(i)


class Record:
    pass


record = Record()
for i in range(5000):
    setattr(record, "field%d" % i, i)  # PyObject_GenericSetAttr, when instances share no keys
module = type(__builtins__)("many")
for i in range(5000):
    module.__dict__["name%d" % i] = i
