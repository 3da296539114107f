"""What `%academics doctor` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "poor", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `good` is as it should be, `poor` works with a drawback, `bad` does not work.

    `says` is what was found and `mend` what to do about it, empty where nothing is to be done or `says` tells it.
    """

    what: str
    state: State
    says: str
    mend: str = ""

    def __str__(self) -> str:
        text = f"{self.says.rstrip('.')}: {self.mend}" if self.mend else self.says
        return f"{self.what:<10} {self.state:<4}  {text}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, a line for each."""

    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether everything works; drawbacks do not count."""
        return not self.ills

    @property
    def ills(self) -> tuple[Finding, ...]:
        """The findings that are `bad`."""
        return tuple(finding for finding in self.findings if finding.state == "bad")

    @property
    def summary(self) -> str:
        """The diagnosis in one line."""
        if self.is_well:
            return "All is well."
        return f"Not well ({', '.join(ill.what for ill in self.ills)}): the lines marked bad say what to do."

    def __getitem__(self, what: str) -> Finding:
        """The finding of one check. Raises KeyError where it had nothing to say."""
        for finding in self.findings:
            if finding.what == what:
                return finding
        raise KeyError(what)

    def __repr__(self) -> str:
        return "\n".join(map(str, self.findings))
