"""Claims of the press: typed quantities, relations, checks and the verdicts that follow from them."""

from petaday.study.claims.audit import Audit, audit, chosen, read_claims, shipped_claims
from petaday.study.claims.schema import Claim, ClaimsFile

__all__ = ["Audit", "Claim", "ClaimsFile", "audit", "chosen", "read_claims", "shipped_claims"]
