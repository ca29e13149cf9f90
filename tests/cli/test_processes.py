"""`retrodict train` in several processes: how they find each other, and that one which fails ends all."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import retrodict as rd
from retrodict.cli.processes import Place, find_place, run_processes
from retrodict.errors import OptionError
from tests.processes import ROOT

OMPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}


def test_a_process_is_found_by_what_launchers_set():
    alone = {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "PMI_RANK": "0", "PMI_SIZE": "1"}
    assert find_place(alone) == Place()
    met = {**OMPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "4"}
    assert find_place(met) == Place(1, 4, f"127.0.0.1:{49152 + os.getppid() % 16384}", (1,))
    assert find_place({**OMPI, "OMPI_MCA_orte_hnp_uri": "1.0;tcp://10.0.0.1:99"}) == Place(1, 4, None, (1,))
    slurm = {"SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "3", "SLURM_LOCALID": "0", "SLURM_STEP_NODELIST": "n[1-3]"}
    assert find_place(slurm) == Place(2, 3, None, (0,))
    assert find_place({**slurm, "SLURM_NTASKS_PER_NODE": "1"}) == Place(2, 3, None, None)  # all devices of its machine
    assert find_place({**OMPI, "JAX_COORDINATOR_ADDRESS": "a:1"}) == Place(1, 4, "a:1", (1,))


def test_processes_on_several_machines_without_an_address_are_refused():
    with pytest.raises(OptionError, match="JAX_COORDINATOR_ADDRESS=HOST:PORT"):
        find_place({**OMPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "2"})


@pytest.mark.parametrize("count", [0, -1, 5000])
def test_a_number_of_processes_out_of_range_is_refused(count):
    with pytest.raises(OptionError, match=f"processes={count} is out of range"):
        run_processes(count, [])


def test_what_is_asked_for_wrongly_is_refused_before_anything_is_started(run, tmp_path, monkeypatch):
    monkeypatch.setattr("retrodict.cli.train.run_processes", lambda *_: pytest.fail("it was started"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    status, _, err = run("train", "tree:2", "--processes", "2", "-o", str(tmp_path / "full"))
    assert status == 2
    assert "exists already" in err


def train(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from retrodict.cli import main; main()", "train", *arguments]
    return subprocess.run(  # noqa: S603
        command, capture_output=True, check=False, cwd=ROOT, env=os.environ | environment, text=True, timeout=900
    )


def test_a_process_that_fails_ends_all_with_its_words(tmp_path):
    done = train("tree:nine", "--processes", "2", "-o", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "tree:nine" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_two_processes_train_and_the_first_saves_checks_and_prints(tmp_path):
    options = ["tree:3", "--no-exact", "--steps", "50", "--simulations", "0", "--json"]
    done = train(*options, "--processes", "2", "-o", str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] > 0
    alone = train(*options, "-o", str(tmp_path / "one"))
    model, data = rd.zoo.binary_tree(3), {f"x{i}": 0.1 for i in range(3, 7)}
    one, two = (rd.load(tmp_path / name, model).sample(data, 100) for name in ("one", "two"))
    assert abs(one["x0"] - two["x0"]).max() < 1e-4
    assert json.loads(alone.stdout)["edges"] == json.loads(done.stdout)["edges"]
