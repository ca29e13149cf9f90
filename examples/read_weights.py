"""What is in a file that retrodict saved, without retrodict.

    python examples/read_weights.py FOLDER/posterior.safetensors

Needs the safetensors library, or any other reader of its format, and nothing else of ours.
"""

import json
import sys

from safetensors import safe_open


def read(path):
    """Return what a file says of itself, and its arrays by name."""
    with safe_open(path, framework="numpy") as file:
        stated = json.loads(file.metadata()["retrodict"])
        return stated, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


if __name__ == "__main__":
    stated, arrays = read(sys.argv[1])
    print(f"format {stated['format']}, release {stated['release']}: {stated['content']['kind']}")
    for name, array in sorted(arrays.items()):
        print(name, array.dtype, *array.shape)
