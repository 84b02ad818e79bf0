"""The peers' environments: `python -m benchmarks.environments [PEER ...]` builds those missing."""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from contextlib import ExitStack
from functools import cache
from pathlib import Path

ENVIRONMENTS = Path(
    os.environ.get("SKLEARN_BO_PEERS", Path.home() / ".cache/sklearn_bo_benchmarks/environments")
)
# peer -> (module, environment)
PEERS = {
    "scikit-optimize": ("skopt", "classic"),
    "optuna-tpe": ("optuna", "classic"),
    "optuna-gp": ("optuna", "classic"),
    "hyperopt": ("hyperopt", "classic"),
    "smac": ("smac", "smac"),
    "ax": ("ax", "ax"),
    "hebo": ("hebo", "hebo"),
}


def _python(environment: str) -> Path:
    folder = "Scripts" if os.name == "nt" else "bin"
    return ENVIRONMENTS / environment / folder / "python"


@cache
def python_of(peer: str) -> str | None:
    """Return the interpreter that has the peer: its own environment's, else this one."""
    module, environment = PEERS[peer]
    if _python(environment).exists():
        return str(_python(environment))
    return sys.executable if importlib.util.find_spec(module) else None


def build(environment: str) -> None:
    """Create an environment from benchmarks/requirements/<environment>.txt, whole or not at all."""
    requirements = Path(__file__).parent / "requirements" / f"{environment}.txt"
    pip = [str(_python(environment)), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, ENVIRONMENTS / environment, ignore_errors=True)
        venv.create(ENVIRONMENTS / environment, with_pip=True)
        subprocess.run(pip, check=True)
        undo.pop_all()


def main() -> None:
    """Build the environments of the named peers, by default of all."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("peers", nargs="*", metavar="peer", help=", ".join(PEERS))
    args = parser.parse_args()
    if unknown := [peer for peer in args.peers if peer not in PEERS]:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    for environment in dict.fromkeys(PEERS[peer][1] for peer in args.peers or PEERS):
        if _python(environment).exists():
            print(f"{environment}: there already")
        else:
            print(f"{environment}: building")
            build(environment)


if __name__ == "__main__":
    main()
