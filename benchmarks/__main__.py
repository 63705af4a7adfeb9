"""`python -m benchmarks speed`, `truth`, `reliability`, `ground`, `accuracy`, `load` or `values`."""

import sys

from benchmarks import accuracy, ground, load, reliability, speed, truth, values
from explainers.engine.process import configure_process

COMMANDS = {
    "speed": speed.main,
    "truth": truth.main,
    "reliability": reliability.main,
    "ground": ground.main,
    "accuracy": accuracy.main,
    "load": load.main,
    "values": values.main,
}

if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
    sys.exit(f"usage: python -m benchmarks {{{'|'.join(COMMANDS)}}}")
configure_process()
COMMANDS[sys.argv[1]](sys.argv[2:])
