"""What a process is to do first, so that it is killed in the middle of its work."""

# Kills the process before or after an operation on the file system; tells at its end how many there were.
KILL_AT = """
import atexit, os, signal, sys
import pyarrow.parquet as pq
from clustergraph.disk import durable
left = {number}
def counted(plain):
    def operation(*arguments, **options):
        global left
        left -= 1
        if left == 0 and {before}: os.kill(os.getpid(), signal.SIGKILL)
        done = plain(*arguments, **options)
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
        return done
    return operation
for name in ("fsync", "mkdir", "rename", "replace", "rmdir", "symlink", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
pq.write_table = counted(pq.write_table)
durable._exchange = counted(durable._exchange)
atexit.register(lambda: print({number} - left, file=sys.stderr))
"""
