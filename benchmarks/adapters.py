"""The peers behind ask and tell, as a server: `python -m benchmarks.adapters PEER`.

It runs in the peer's own environment, where neither scikit-learn nor sklearn_bo need be, and speaks
JSON lines. It knows a space as `dimensions`, a dict of key -> Dimension, and `subspaces`, for each
the keys that it has; with more than one, the dimension "subspace" chooses. A proposal is a dict of
key -> number. Peers with a notion of conditions are told them, the others see all keys at once.
"""

import json
import math
import resource
import sys
import tempfile
import warnings
from typing import Any

from .spaces import Dimension, Flat

Values = dict[str, float]


class Adapter:
    """A peer; losses are minimised, and a failed trial has the loss None."""

    def __init__(
        self, dimensions: dict[str, Dimension], subspaces: list[list[str]], seed: int
    ) -> None:
        self.dimensions, self.subspaces, self.seed = dimensions, subspaces, seed
        self.trials: list[Any] = []  # what the peer knows each proposal by
        self.setup()

    def setup(self) -> None:
        """Create the peer's optimiser."""
        raise NotImplementedError

    def ask(self, n: int) -> list[Values]:
        """Return n proposals and append what the peer knows them by to `trials`."""
        raise NotImplementedError

    def tell(self, trial: Any, loss: float | None) -> None:
        """Report one trial."""
        raise NotImplementedError

    def warm(self, proposals: list[Values], losses: list[float]) -> bool:
        """Learn many trials at once; return False when the peer has no way to."""
        return False


class Imputed(Adapter):
    """A peer that cannot take failures: they are told with the worst loss so far."""

    def tell(self, trial: Any, loss: float | None) -> None:
        known = self.__dict__.setdefault("losses", [])
        waiting = self.__dict__.setdefault("waiting", [])
        waiting.append((trial, loss))
        known.extend([] if loss is None else [loss])
        if known:  # failures before the first success wait for it
            for late, value in waiting:
                self.tell_finite(late, max(known) if value is None else value)
            waiting.clear()

    def tell_finite(self, trial: Any, loss: float) -> None:
        """Report one trial with a finite loss."""
        raise NotImplementedError


class ScikitOptimize(Imputed):
    """The engine of scikit-optimize's BayesSearchCV, with its defaults."""

    def setup(self) -> None:
        from skopt import Optimizer
        from skopt.space import Categorical, Integer, Real

        space = []
        for dimension in self.dimensions.values():
            prior = "log-uniform" if dimension.log else "uniform"
            if dimension.kind == "choice":
                space.append(Categorical(list(range(int(dimension.high) + 1))))
            elif dimension.kind == "int":
                space.append(Integer(int(dimension.low), int(dimension.high), prior=prior))
            else:
                space.append(Real(dimension.low, dimension.high, prior=prior))
        self.optimizer = Optimizer(space, random_state=self.seed)

    def ask(self, n: int) -> list[Values]:
        points = [self.optimizer.ask()] if n == 1 else self.optimizer.ask(n_points=n)
        self.trials.extend(points)
        return [dict(zip(self.dimensions, point, strict=True)) for point in points]

    def tell_finite(self, trial: Any, loss: float) -> None:
        self.optimizer.tell(trial, loss)

    def warm(self, proposals: list[Values], losses: list[float]) -> bool:
        points = [[values[key] for key in self.dimensions] for values in proposals]
        self.optimizer.tell(points, losses)
        return True


class OptunaTPE(Adapter):
    """Optuna's default sampler, with its define-by-run conditions."""

    def sampler(self) -> Any:
        """Return the sampler with its defaults."""
        from optuna.samplers import TPESampler

        return TPESampler(seed=self.seed)

    def setup(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.failed = optuna.trial.TrialState.FAIL
        self.study = optuna.create_study(sampler=self.sampler())

    def active(self, trial: Any) -> list[str]:
        """Return the keys of the trial's subspace."""
        if Flat.SUBSPACE not in self.dimensions:
            return list(self.dimensions)
        index = self._suggest(trial, Flat.SUBSPACE)
        return [Flat.SUBSPACE, *self.subspaces[int(index)]]

    def _suggest(self, trial: Any, key: str) -> float:
        d = self.dimensions[key]
        if d.kind == "choice":
            return trial.suggest_categorical(key, list(range(int(d.high) + 1)))
        if d.kind == "int":
            return trial.suggest_int(key, int(d.low), int(d.high), log=d.log)
        return trial.suggest_float(key, d.low, d.high, log=d.log)

    def ask(self, n: int) -> list[Values]:
        proposals = []
        for _ in range(n):
            trial = self.study.ask()
            proposals.append({key: self._suggest(trial, key) for key in self.active(trial)})
            self.trials.append(trial)
        return proposals

    def tell(self, trial: Any, loss: float | None) -> None:
        if loss is None:
            self.study.tell(trial, state=self.failed)
        else:
            self.study.tell(trial, loss)


class OptunaGP(OptunaTPE):
    """Optuna's Gaussian process; conditions are flattened (it samples them at random)."""

    def sampler(self) -> Any:
        from optuna.samplers import GPSampler

        return GPSampler(seed=self.seed)

    def active(self, trial: Any) -> list[str]:
        return list(self.dimensions)

    def space(self) -> dict[str, Any]:
        """Return the space in Optuna's distributions."""
        from optuna import distributions

        kinds = {"float": distributions.FloatDistribution, "int": distributions.IntDistribution}
        return {
            key: distributions.CategoricalDistribution(list(range(int(d.high) + 1)))
            if d.kind == "choice"
            else kinds[d.kind](d.low, d.high, log=d.log)
            for key, d in self.dimensions.items()
        }

    def ask(self, n: int) -> list[Values]:
        space = self.space()
        trials = [self.study.ask(fixed_distributions=space) for _ in range(n)]
        self.trials.extend(trials)
        return [dict(trial.params) for trial in trials]

    def warm(self, proposals: list[Values], losses: list[float]) -> bool:
        from optuna.trial import create_trial

        space = self.space()
        for values, loss in zip(proposals, losses, strict=True):
            self.study.add_trial(create_trial(params=values, distributions=space, value=loss))
        return True


class Hyperopt(Adapter):
    """Hyperopt's TPE, with its conditions."""

    def setup(self) -> None:
        import numpy as np
        from hyperopt import Trials, hp
        from hyperopt.base import Domain
        from hyperopt.pyll import scope

        def node(key: str) -> Any:
            d = self.dimensions[key]
            if d.kind == "choice":
                return hp.choice(key, list(range(int(d.high) + 1)))
            if d.kind == "int" and not d.log:
                return hp.uniformint(key, d.low, d.high)
            if d.kind == "int":
                low, high = math.log(d.low), math.log(d.high)
                return scope.int(hp.qloguniform(key, low, high, 1))
            if d.log:
                return hp.loguniform(key, math.log(d.low), math.log(d.high))
            return hp.uniform(key, d.low, d.high)

        nodes = {key: node(key) for key in self.dimensions if key != Flat.SUBSPACE}
        if Flat.SUBSPACE in self.dimensions:
            options = [
                {Flat.SUBSPACE: index} | {key: nodes[key] for key in keys}
                for index, keys in enumerate(self.subspaces)
            ]
            self.space: Any = hp.choice(Flat.SUBSPACE, options)
        else:
            self.space = nodes
        self.domain = Domain(lambda values: 0.0, self.space)
        self.history = Trials()
        self.rng = np.random.RandomState(self.seed)

    def ask(self, n: int) -> list[Values]:
        from hyperopt import JOB_STATE_RUNNING, space_eval, tpe

        proposals = []
        for _ in range(n):
            ids = self.history.new_trial_ids(1)
            seed = int(self.rng.randint(2**31 - 1))
            (document,) = tpe.suggest(ids, self.domain, self.history, seed)
            document["state"] = JOB_STATE_RUNNING
            self.history.insert_trial_docs([document])
            self.history.refresh()
            self.trials.append(ids[0])
            chosen = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
            values = dict(space_eval(self.space, chosen))
            for key, d in self.dimensions.items():
                if key in values and d.kind == "int":
                    values[key] = min(max(int(values[key]), int(d.low)), int(d.high))
            proposals.append(values)
        return proposals

    def tell(self, trial: Any, loss: float | None) -> None:
        from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

        document = next(d for d in self.history._dynamic_trials if d["tid"] == trial)
        document["state"] = JOB_STATE_DONE
        if loss is None:
            document["result"] = {"status": STATUS_FAIL}
        else:
            document["result"] = {"status": STATUS_OK, "loss": loss}
        self.history.refresh()


class Smac(Adapter):
    """SMAC3's hyperparameter optimisation facade, with its conditions."""

    def setup(self) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace, Float, InCondition, Integer
        from smac import HyperparameterOptimizationFacade, Scenario

        nodes = {}
        for key, d in self.dimensions.items():
            if d.kind == "choice":
                nodes[key] = Categorical(key, list(range(int(d.high) + 1)))
            elif d.kind == "int":
                nodes[key] = Integer(key, (int(d.low), int(d.high)), log=d.log)
            else:
                nodes[key] = Float(key, (d.low, d.high), log=d.log)
        space = ConfigurationSpace(seed=self.seed)
        space.add(list(nodes.values()))
        if Flat.SUBSPACE in nodes:
            for key in nodes.keys() - {Flat.SUBSPACE}:
                owners = [k for k, keys in enumerate(self.subspaces) if key in keys]
                if len(owners) < len(self.subspaces):
                    space.add(InCondition(nodes[key], nodes[Flat.SUBSPACE], owners))
        self.losses: list[float] = []
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            space,
            n_trials=100,
            deterministic=True,
            seed=self.seed,
            output_directory=self.folder.name,
        )
        facade = HyperparameterOptimizationFacade
        self.optimizer = facade(
            scenario,
            lambda config, seed=0: 0.0,
            intensifier=facade.get_intensifier(scenario, max_config_calls=1),
            logging_level=False,
            overwrite=True,
        )

    def ask(self, n: int) -> list[Values]:
        from smac.main.exceptions import ConfigurationSpaceExhaustedException

        try:
            trials = [self.optimizer.ask() for _ in range(n)]
        except (ConfigurationSpaceExhaustedException, StopIteration):  # at first, and later
            trials = self.trials[:n]  # repeats change no score
        self.trials.extend(trials)
        return [dict(trial.config) for trial in trials]

    def tell(self, trial: Any, loss: float | None) -> None:
        from smac.runhistory import StatusType, TrialValue

        if loss is None:  # infinite costs become NaN on SMAC's logarithmic scale
            value = TrialValue(cost=max(self.losses, default=0.0), status=StatusType.CRASHED)
        else:
            self.losses.append(loss)
            value = TrialValue(cost=loss, status=StatusType.SUCCESS)
        self.optimizer.tell(trial, value)


class Ax(Adapter):
    """Ax's default generation strategy."""

    def setup(self) -> None:
        from ax.api.client import Client
        from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

        self.names = {f"p{k}": key for k, key in enumerate(self.dimensions)}
        parameters: list[Any] = []
        for name, key in self.names.items():
            d = self.dimensions[key]
            if d.kind == "choice":
                values = list(range(int(d.high) + 1))
                parameters.append(
                    ChoiceParameterConfig(
                        name=name, values=values, parameter_type="int", is_ordered=False
                    )
                )
            else:
                scaling = "log" if d.log else "linear"
                parameters.append(
                    RangeParameterConfig(
                        name=name, bounds=(d.low, d.high), parameter_type=d.kind, scaling=scaling
                    )
                )
        self.client = Client(random_seed=self.seed)
        self.client.configure_experiment(parameters=parameters)
        self.client.configure_optimization(objective="-loss")

    def ask(self, n: int) -> list[Values]:
        proposals = []
        while len(proposals) < n:  # it may return fewer than asked
            for index, params in self.client.get_next_trials(max_trials=n - len(proposals)).items():
                self.trials.append(index)
                proposals.append({self.names[name]: value for name, value in params.items()})
        return proposals

    def tell(self, trial: Any, loss: float | None) -> None:
        if loss is None:
            self.client.mark_trial_failed(trial_index=trial)
        else:
            self.client.complete_trial(trial_index=trial, raw_data={"loss": loss})


class Hebo(Imputed):
    """HEBO with its defaults."""

    def setup(self) -> None:
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        kinds = {("float", False): "num", ("float", True): "pow"}
        kinds |= {("int", False): "int", ("int", True): "pow_int"}
        space = []
        for key, d in self.dimensions.items():
            if d.kind == "choice":
                categories = list(range(int(d.high) + 1))
                space.append({"name": key, "type": "cat", "categories": categories})
            else:
                kind = kinds[d.kind, d.log]
                space.append({"name": key, "type": kind, "lb": d.low, "ub": d.high})
        self.optimizer = HEBO(DesignSpace().parse(space), scramble_seed=self.seed)

    def ask(self, n: int) -> list[Values]:
        frame = self.optimizer.suggest(n_suggestions=n)
        self.trials.extend(frame.iloc[[k]] for k in range(n))
        return frame.to_dict("records")

    def tell_finite(self, trial: Any, loss: float) -> None:
        import numpy as np

        self.optimizer.observe(trial, np.array([[loss]]))


ADAPTERS: dict[str, type[Adapter]] = {
    "scikit-optimize": ScikitOptimize,
    "optuna-tpe": OptunaTPE,
    "optuna-gp": OptunaGP,
    "hyperopt": Hyperopt,
    "smac": Smac,
    "ax": Ax,
    "hebo": Hebo,
}


def main() -> None:
    """Serve searches, one after another, until the input ends."""
    warnings.simplefilter("ignore")
    out, sys.stdout = sys.stdout, sys.stderr  # what peers print is not an answer
    kind, adapter = ADAPTERS[sys.argv[1]], None
    for line in sys.stdin:
        verb, content = json.loads(line)
        answer: Any = None
        if verb == "new":
            dimensions = {key: Dimension(**d) for key, d in content["dimensions"].items()}
            adapter = kind(dimensions, content["subspaces"], content["seed"])
        elif verb == "ask":
            first = len(adapter.trials)
            answer = [[first + k, values] for k, values in enumerate(adapter.ask(content))]
        elif verb == "warm":
            answer = adapter.warm(*content)
        elif verb == "memory":
            answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MB, on Linux
        else:
            number, loss = content
            adapter.tell(adapter.trials[number], loss)
        out.write(json.dumps(answer, default=float) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
