"""Metrics are the sum over all processes, outlive each of them, and never stand in a process's way."""

import os
import resource
import shutil
import subprocess
import sys
import textwrap

import pytest
from prometheus_client.exposition import generate_latest

from trading import metrics, metrics_store
from trading.domain.values import Action

COUNT = """
from trading import metrics
from trading.domain.values import Action
metrics.bind(*metrics.Stage)
metrics.observe_stage(metrics.Stage.FACTS, Action.BUY, seconds=0.0011)
metrics.count_answer(status=202, code="")
metrics.settle()
"""


def start(directory, code=COUNT, *, role="executor", then="", **options):
    environment = {**os.environ, metrics_store.VARIABLE: str(directory), "CHIMERA_PROCESS": role}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code) + textwrap.dedent(then)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def run(directory, code=COUNT, **options):
    process = start(directory, code, **options)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def counted(directory, name, **labels):
    return metrics_store.shared(str(directory)).get_sample_value(name, labels)


def facts(directory):
    name = "chimera_signal_stage_seconds_count"
    return counted(directory, name, stage="facts", action="BUY")


def test_processes_of_all_roles_add_up(tmp_path):
    for role in ("ingress", "executor", "watcher"):
        run(tmp_path, role=role)
    assert facts(tmp_path) == 3
    assert counted(tmp_path, "chimera_webhook_answers_total", status="202", code="accepted") == 3


def test_a_process_that_is_killed_and_started_again_goes_on_counting_in_the_same_file(tmp_path):
    dying = start(tmp_path, then="print('counted', flush=True); input()")
    assert dying.stdout.readline() == "counted\n"
    dying.kill()
    dying.communicate(timeout=60)
    run(tmp_path)
    assert facts(tmp_path) == 2
    assert len(list(tmp_path.glob("histogram_*.db"))) == 1


def test_two_processes_of_one_role_at_a_time_do_not_write_into_each_others_file(tmp_path):
    first = start(tmp_path, then="print('counted', flush=True); input()")
    assert first.stdout.readline() == "counted\n"
    run(tmp_path)
    first.communicate("\n", timeout=60)
    assert facts(tmp_path) == 2
    assert len(list(tmp_path.glob("histogram_*.db"))) == 2


def test_what_every_process_counts_fits_into_the_space_that_is_reserved(tmp_path):
    run(tmp_path)
    for path in tmp_path.glob("*.db"):
        used = int.from_bytes(path.read_bytes()[:4], sys.byteorder)
        assert 0 < used < path.stat().st_size / 2


def test_a_disk_without_space_costs_the_export_and_nothing_else(tmp_path):
    def no_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))

    told = run(
        tmp_path,
        then="print(generate_latest(metrics.registry()).decode())",
        code="import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from prometheus_client import generate_latest\n" + COUNT,
        preexec_fn=no_space,
    )
    assert "chimera_webhook_answers_total" not in told
    assert not list(tmp_path.glob("*.db"))


def test_a_directory_that_cannot_be_made_costs_the_export_and_nothing_else(tmp_path):
    (tmp_path / "taken").write_text("a file")
    run(tmp_path / "taken" / "metrics")


def test_a_directory_that_vanishes_leaves_the_process_counting(tmp_path):
    directory = tmp_path / "metrics"
    process = start(directory, then="print('counted', flush=True); input()" + COUNT)
    assert process.stdout.readline() == "counted\n"
    shutil.rmtree(directory)
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("stage", metrics.Stage)
def test_without_a_directory_a_process_counts_for_itself(stage):
    assert f'stage="{stage}"' in generate_latest(_counted(stage)).decode()


def _counted(stage):
    metrics.observe_stage(stage, Action.SELL, seconds=0.2)
    return metrics.registry()
