"""Why nothing can be said of a deployment, or why it cannot be.

FitProblem
├── UnknownArchitecture   a config.json that `shapes` does not understand
├── UnknownQuantization   a way to store weights that `precision` does not know, or another than the weights have
├── UnusableTensorParallel   a number of GPUs that SGLang cannot share the model among
├── UnknownGpu            not in cluster/gpus.yaml
└── DoesNotFit            known before the weights are loaded
"""


class FitProblem(ValueError):
    """The base. Its text names the wrong value and the remedy."""


class UnknownArchitecture(FitProblem):
    pass


class UnknownQuantization(FitProblem):
    pass


class UnusableTensorParallel(FitProblem):
    pass


class UnknownGpu(FitProblem):
    pass


class DoesNotFit(FitProblem):
    pass
