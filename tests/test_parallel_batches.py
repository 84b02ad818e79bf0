"""Short calls that go to the workers together: each is still a call of its own."""

import threading
import time

import joblib
import pytest
from processes import die

from sklearn_bo._joblib import Executor
from sklearn_bo._workers import nothing, run_tasks
from sklearn_bo.exceptions import TaskLostError

BACKENDS = ["loky", "threading", "multiprocessing"]


def square(x):
    return x * x


def drain(executor, tasks):
    assert {executor.next_done() for _ in tasks} == set(tasks)


def learn_that_calls_are_short(executor):
    drain(executor, [executor.submit(square, x) for x in range(60)])
    assert executor.n_each > 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_short_calls_are_handed_over_together_and_long_ones_singly(backend, monkeypatch):
    sizes = []
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        submit = executor._workers.submit

        def recording(attempt, running, note):
            sizes.append(len(attempt.tasks))
            submit(attempt, running, note)

        monkeypatch.setattr(executor._workers, "submit", recording)
        learn_that_calls_are_short(executor)
        assert max(sizes) > 1
        assert executor.queue_length == 4 * executor.n_each
        drain(executor, [executor.submit(time.sleep, 0.05) for _ in range(20)])
        sizes.clear()
        drain(executor, [executor.submit(time.sleep, 0.05) for _ in range(4)])
        assert sizes == [1] * 4


def test_each_idle_worker_has_its_share_of_short_calls():
    with joblib.parallel_config("threading"), Executor(2, "2*n_jobs") as executor:
        learn_that_calls_are_short(executor)
        tasks = [executor.submit(square, x) for x in range(5)]
        executor.launch()
        assert sorted(len(attempt.tasks) for attempt in executor._attempts) == [2, 3]
        drain(executor, tasks)


def test_a_worker_gives_back_what_it_has_not_begun_when_a_call_turns_out_long():
    outcomes, seconds = run_tasks([(time.sleep, (0.02,)), (square, (3,))], nothing, nothing, 0.01)
    assert len(outcomes) == 1
    assert seconds >= 0.02


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_of_any_length_each_return_once(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        learn_that_calls_are_short(executor)
        tasks = []
        for x in range(40):
            tasks.append(executor.submit(square, x))
            if x % 10 == 0:
                tasks.append(executor.submit(time.sleep, 0.03))
        drain(executor, tasks)
        assert [task.result() for task in tasks if task.call[1] != (0.03,)] == [
            x * x for x in range(40)
        ]


@pytest.mark.filterwarnings("ignore:A worker process died:RuntimeWarning")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_call_that_kills_its_worker_is_given_up_and_those_beside_it_return(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        learn_that_calls_are_short(executor)
        calls = [(square, 1), (square, 2), (die,), (square, 3), (square, 4), (square, 5)]
        tasks = [executor.submit(*call) for call in calls]
        drain(executor, tasks)
        with pytest.raises(TaskLostError, match="Each worker that ran it died"):
            tasks.pop(2).result()
        assert [task.result() for task in tasks] == [1, 4, 9, 16, 25]


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_a_call_that_cannot_be_sent_fails_alone(backend):
    with joblib.parallel_config(backend), Executor(2, "2*n_jobs") as executor:
        learn_that_calls_are_short(executor)
        arguments = [1, 2, threading.Lock(), 3, 4, 5]
        tasks = [executor.submit(square, x) for x in arguments]
        drain(executor, tasks)
        with pytest.raises(Exception, match="pickle"):
            tasks.pop(2).result()
        assert [task.result() for task in tasks] == [1, 4, 9, 16, 25]


def test_with_a_time_limit_each_call_goes_alone():
    with joblib.parallel_config("threading"), Executor(2, "2*n_jobs", 5.0) as executor:
        drain(executor, [executor.submit(square, x) for x in range(60)])
        assert executor.n_each == 1
