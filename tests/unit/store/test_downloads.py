"""Downloads as the store keeps them: what each holder gave outlasts a pause."""

from __future__ import annotations

from academics_jupyter.store.downloads import Share, added_shares


def test_what_holders_gave_before_a_pause_counts() -> None:
    former = (Share("ada", 70, 0.0), Share("grace", 20, 0.0))
    now = (Share("grace", 5, 1.5), Share("mary", 3, 2.5))
    assert added_shares(former, now) == (Share("grace", 25, 1.5), Share("mary", 3, 2.5), Share("ada", 70, 0.0))
    assert added_shares(former, ()) == former
    assert added_shares((), now) == now
