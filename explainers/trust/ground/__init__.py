"""Ground: whether an answer itself is safe to build on, whatever a map shows of it."""

from explainers.trust.ground.assessment import answer_ground
from explainers.trust.ground.own_reference import familiarity_reference
from explainers.trust.ground.reference import Reference
from explainers.trust.ground.result import Ground, GroundFinding

__all__ = ["Ground", "GroundFinding", "Reference", "answer_ground", "familiarity_reference"]
