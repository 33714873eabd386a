"""Starts one command and tells what it took; imports next to nothing, on purpose.

Linux counts a child's peak memory from its parent's at the moment it is started, so what measures has to be
small itself.

python -I -S launcher.py COMMAND [ARGUMENT...]; prints exit code, seconds, kibibytes and seconds of
processors on standard error.
"""

import os
import sys
import time

started = time.monotonic()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.monotonic() - started
worked = usage.ru_utime + usage.ru_stime
print(f"{os.waitstatus_to_exitcode(status)} {seconds:.3f} {usage.ru_maxrss} {worked:.3f}", file=sys.stderr)
