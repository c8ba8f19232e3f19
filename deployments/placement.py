"""Whether a deployment asks Ray for the GPUs that its engine is to have. Ray itself would wait for them for ever."""

from collections.abc import Iterator
from difflib import get_close_matches

from ray.serve.schema import DeploymentSchema, RayActorOptionsSchema
from ray.util.accelerators import accelerators

from deployments.settings import EngineSettings

_NAMES = sorted(value for name, value in vars(accelerators).items() if name.isupper())


def misplaced(deployment: DeploymentSchema, engine: EngineSettings | None) -> Iterator[str]:
    """What is wrong, each by its key. `engine`: that of this deployment, if it has one."""
    options = deployment.ray_actor_options
    if not isinstance(options, RayActorOptionsSchema):
        return
    prefix = f"deployments.{deployment.name}.ray_actor_options"
    kind = options.accelerator_type
    if kind and kind not in _NAMES:
        near = get_close_matches(kind, _NAMES, n=1)
        hint = f". Did you mean {near[0]}?" if near else ", which are those of ray.util.accelerators"
        yield f"{prefix}.accelerator_type: {kind!r} is none of Ray's names{hint}"
    if engine is None or engine.device != "cuda":
        return
    if kind and kind in _NAMES and engine.gpu and not engine.gpu.startswith(kind):
        yield f"{prefix}.accelerator_type: {kind}, and its engine's gpu is {engine.gpu}"
    if options.num_gpus != engine.tensor_parallel:
        yield f"{prefix}.num_gpus: {options.num_gpus}, and its engine's tensor_parallel is {engine.tensor_parallel}"
