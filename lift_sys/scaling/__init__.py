"""How many replicas there should be: `decide(settings, state, seen)`, and nothing that talks to anybody."""

from lift_sys.scaling.decision import Decision, State, decide
from lift_sys.scaling.load import Load, Seen
from lift_sys.scaling.settings import EngineScaling, Pace, ValidatorScaling

__all__ = ["Decision", "EngineScaling", "Load", "Pace", "Seen", "State", "ValidatorScaling", "decide"]
