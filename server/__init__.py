"""The live server.

Numeric libraries read how many threads they may start when they are loaded, which
happens after this. Their helpers wait for work by spinning, and share steps that are
too small to be shared: with one thread each, a session costs half as much.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
