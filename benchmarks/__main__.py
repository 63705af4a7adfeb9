"""`python -m benchmarks speed` or `python -m benchmarks truth`."""

import sys

from benchmarks import speed, truth

COMMANDS = {"speed": speed.main, "truth": truth.main}

if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
    sys.exit(f"usage: python -m benchmarks {{{'|'.join(COMMANDS)}}}")
COMMANDS[sys.argv[1]](sys.argv[2:])
