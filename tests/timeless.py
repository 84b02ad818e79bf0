"""What of the results of a search does not depend on the clock."""

import numpy as np


def without_times(search):
    return {
        key: np.ma.asarray(value).tolist()
        for key, value in search.cv_results_.items()
        if not key.endswith("_time")
    }
