"""`python -m benchmarks speed`, `truth`, `accuracy`, `verdicts`, `ground`, `load` or `values`."""

import sys

from benchmarks import accuracy, ground, load, speed, truth, values, verdicts
from explainers.engine.process import configure_process

COMMANDS = {
    "speed": speed.main,
    "truth": truth.main,
    "accuracy": accuracy.main,
    "verdicts": verdicts.main,
    "ground": ground.main,
    "load": load.main,
    "values": values.main,
}

if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
    sys.exit(f"usage: python -m benchmarks {{{'|'.join(COMMANDS)}}}")
configure_process()
COMMANDS[sys.argv[1]](sys.argv[2:])
