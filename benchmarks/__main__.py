"""Run a program of this folder: `python -m benchmarks NAME [options]`."""

import importlib
import sys

PROGRAMS = (
    "ablation",
    "accuracy",
    "clothing",
    "clothing_tasks",
    "demo",
    "early_exit",
    "importance",
    "scattering",
    "scenes",
    "speed",
    "tables",
    "tasks",
)


def main(arguments):
    if not arguments or arguments[0] not in PROGRAMS:
        raise SystemExit(
            f"usage: python -m benchmarks {{{','.join(PROGRAMS)}}} [-h] ..."
        )
    importlib.import_module(f"benchmarks.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
