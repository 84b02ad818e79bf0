"""
How do I optimise something that is no estimator?
=================================================

With ``Optimizer``: ask for a setting, evaluate it however you like, tell the score. Here the
objective is a simulation of a heating controller, and the settings are the controller's
type, gain and integral time.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_bo import Optimizer

# %%
# The simulation
# --------------
# A room loses heat to the outside and is warmed by a heater whose power takes effect slowly. The
# controller, proportional (P) or proportional and integral (PI), is to bring it from 15 to 21
# degrees by a thermometer that errs by 0.2 degrees. What it costs: the mean distance from 21
# degrees, and the wear by changes of power.

MINUTES = 240
TARGET = 21.0
ERRORS = 0.2 * np.random.RandomState(0).standard_normal(MINUTES)


def simulate(controller, gain, integral_time):
    """Return the temperature by minute and the power by minute."""
    temperature, heat, integral = 15.0, 0.0, 0.0
    temperatures, powers = [], []
    for minute in range(MINUTES):
        error = TARGET - (temperature + ERRORS[minute])
        integral += error / integral_time if controller == "PI" else 0.0
        power = np.clip(gain * (error + integral), 0.0, 5.0)
        heat += (power - heat) / 15.0
        temperature += 0.04 * heat - 0.01 * (temperature - 10.0)
        temperatures.append(temperature)
        powers.append(power)
    return np.array(temperatures), np.array(powers)


def score(params):
    temperatures, powers = simulate(**params)
    return -np.abs(temperatures - TARGET).mean() - np.abs(np.diff(powers)).mean()


# %%
# The loop
# --------
# Scores are maximised. One that is NaN would say that the evaluation failed.

optimizer = Optimizer(
    {
        "controller": ["P", "PI"],
        "gain": (0.05, 20.0, "log-uniform"),
        "integral_time": (5.0, 1000.0, "log-uniform"),
    },
    random_state=0,
)
for _ in range(30):
    trial = optimizer.ask()
    optimizer.tell(trial, score(trial.params))

best = optimizer.best_trial
print(f"best of {len(optimizer.trials)} trials: {best.score:.4f} with {best.params}")

# %%
# Several at a time, and what is known already
# --------------------------------------------
# ``ask(n)`` gives settings to evaluate in parallel; they may be told in any order. A score that is
# already known can be told for a plain dict. ``predict`` asks the model.

batch = optimizer.ask(2)
for trial in reversed(batch):
    optimizer.tell(trial, score(trial.params))
by_hand = {"controller": "PI", "gain": 0.5, "integral_time": 30.0}
mean, std = optimizer.predict(by_hand)
print(f"the model expects {mean:.2f} +- {std:.2f} of {by_hand}, it scores {score(by_hand):.2f}")
optimizer.tell(by_hand, score(by_hand))

# %%
# What came of it

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
settings = {"set by hand": (by_hand, "#0072B2", "--"), "optimised": (best.params, "#D55E00", "-")}
for label, (params, color, style) in settings.items():
    left.plot(simulate(**params)[0], style, color=color, lw=2, label=label)
left.axhline(TARGET, color="0.4", lw=1, ls=":", label="target")
left.set(xlabel="minute", ylabel="temperature in °C", title="The room")
left.legend(loc="center right")

scores = np.array([trial.score for trial in optimizer.trials])
right.plot(np.arange(1, len(scores) + 1), -scores, "o", color="0.6", label="trial")
right.plot(
    np.arange(1, len(scores) + 1),
    -np.maximum.accumulate(scores),
    color="#D55E00",
    lw=2,
    label="best so far",
)
right.set(xlabel="trial", ylabel="cost (log scale)", yscale="log", title="The search")
right.set_yticks([1, 2, 4, 8], labels=["1", "2", "4", "8"])
right.minorticks_off()
right.legend(loc="upper right")
fig.savefig("ask_and_tell.png", dpi=120)
plt.show()
